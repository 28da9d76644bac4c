"""Imports go one way: resource_server and timesheets import no other room."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "protected_api"
# What each room may import besides its own modules; `lean_flask` and `problems` are outside the rooms.
ALLOWED = {
    "endpoints": {"lean_flask", "problems", "resource_server", "timesheets"},
    "postgresql": {"timesheets"},
    "resource_server": set(),
    "sqlite": {"timesheets"},
    "timesheets": set(),
}


def imported(module: Path) -> Iterator[str]:
    """Yield the absolute name of each module that this one imports from."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, "a relative import stays in its room"
            room = ["protected_api", *module.relative_to(PACKAGE).parent.parts] if node.level else []
            yield ".".join([*room, *filter(None, [node.module])])


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for module in (PACKAGE / room).glob("*.py"):
        for name in imported(module):
            package, _, path = name.partition(".")
            if package == "protected_api":
                assert path.partition(".")[0] in {room, *ALLOWED[room]}, f"{module.name} imports {name}"


def test_every_folder_is_a_room() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(ALLOWED)


def test_only_wsgi_imports_the_app() -> None:
    importers = {module.name for module in PACKAGE.rglob("*.py") if "protected_api.app" in imported(module)}
    assert importers == {"wsgi.py"}


def test_the_base_needs_nothing_of_postgresql() -> None:
    for module in set(PACKAGE.rglob("*.py")) - set((PACKAGE / "postgresql").glob("*.py")):
        for name in imported(module):
            assert not name.startswith(("psycopg", "protected_api.postgresql")), module.name
