"""The rooms import each other in one direction, and what is made to be copied imports nothing of ours."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1]
SERVICE = "calling_service"
SHARED = {f"{SERVICE}.{name}" for name in ("database", "logs", "settings")}
EXPLORER = {"recording", f"{SERVICE}.runs", f"{SERVICE}.oauth_client", f"{SERVICE}.guard"}
READING = {f"flow_explorer.{path.stem}" for path in (FOLDER / "flow_explorer").glob("*.py")}
SHOWN = {f"flow_explorer.{room}" for room in ("comparison", "formats", "gallery")}
ROOMS: dict[str, set[str]] = {  # and what each may import of ours, besides itself
    f"{SERVICE}.oauth_client": set(),
    f"{SERVICE}.import_job": {f"{SERVICE}.database", "timesheet_exports"},
    f"{SERVICE}.runs": {
        f"{SERVICE}.import_job",
        f"{SERVICE}.oauth_client",
        "timesheet_exports",
        *SHARED,
    },
    SERVICE: {SERVICE, "timesheet_exports"},
    "timesheet_exports": set(),
    f"{SERVICE}.service": {SERVICE, "recording", "flow_explorer.servers", "flow_explorer.explorer"},
    f"{SERVICE}.web": {SERVICE, "flow_explorer"},
    f"{SERVICE}.cli": {SERVICE, "flow_explorer.columns", "flow_explorer.terminal"},
    "recording": set(),
    "flow_explorer": EXPLORER,
    "flow_explorer.formats": EXPLORER | READING,
    "flow_explorer.gallery": EXPLORER | READING,
    "flow_explorer.glossary": READING,
    "flow_explorer.lessons": READING,
    "flow_explorer.comparison": EXPLORER | READING,
    "flow_explorer.page": {
        f"{SERVICE}.problems",
        "flow_explorer.glossary",
        "flow_explorer.lessons",
        *(EXPLORER | READING | SHOWN),
    },
    "flow_explorer.terminal": EXPLORER | READING | SHOWN,
}
OURS = (SERVICE, "timesheet_exports", "recording", "flow_explorer")
MODULES = sorted(path for package in OURS for path in (FOLDER / package).rglob("*.py"))


def within(name: str, packages: set[str]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield what a module imports, but for its relative imports, which stay in its room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "a relative import stays in its room"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    module = ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")
    room = max((room for room in ROOMS if within(module, {room})), key=len)
    ours = [name for name in imported(ast.parse(path.read_text())) if within(name, set(OURS))]
    assert [name for name in ours if not within(name, {room} | ROOMS[room])] == []
