"""Imports between rooms run one way, and only the endpoints and the composition root know Flask's app."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "auth_server"
ROOT = {"app", "cli", "startup", "tenant_at_start", "wsgi"}
BESIDE = {file.stem for file in PACKAGE.glob("*.py")} - ROOT
MAY_IMPORT = {
    "endpoints": {"protocol", "keys", "database"},
    "protocol": {"tokens", "actions", "clients", "federation"},
    "federation": {"clients"},
    "tokens": {"keys", "database"},
    "clients": {"database"},
    "tenant": {"database"},
    "actions": set[str](),
    "keys": {"database"},
    "database": set[str](),
    "postgresql": set[str](),
}


def imports(room: str) -> Iterator[tuple[str, str]]:
    for file in PACKAGE.glob(f"{room}/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module
                assert node.level == 0, "relative"
                yield from ((node.module, name.name) for name in node.names)
            elif isinstance(node, ast.Import):
                yield from ((name.name, "") for name in node.names)


def test_each_room_imports_what_its_first_lines_say_and_no_other() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == MAY_IMPORT.keys()
    for room, others in MAY_IMPORT.items():
        names = [f"{module}.{name}" for module, name in imports(room)]
        ours = {name.split(".")[1] for name in names if name.startswith("auth_server.")}
        assert ours - {room} - BESIDE == others, room


def test_no_module_beside_the_rooms_imports_a_room() -> None:
    for file in PACKAGE.glob("*.py"):
        text = file.read_text()
        assert file.stem in ROOT or not [room for room in MAY_IMPORT if f"auth_server.{room}." in text], file


def test_only_the_endpoints_know_flask_and_the_protocol_its_request() -> None:
    of_flask = {room: {name for module, name in imports(room) if module == "flask"} for room in MAY_IMPORT}
    assert of_flask.pop("endpoints")
    assert of_flask.pop("protocol") == {"Request"}
    assert not any(of_flask.values())
