"""The README is true: its console blocks run and print what it shows, its tables name all there is."""

import re
from collections.abc import Callable, Iterator

import pytest
from live_stack import CHECKOUT, SERVICES, Stack
from protected_api.resource_server.access_token import CHECKS
from shell import Shell

LOG_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
README = (CHECKOUT / "README.md").read_text()
ENDPOINTS = (CHECKOUT / "docs/endpoints.md").read_text()
API_DOCS = (CHECKOUT / "docs/timesheets-api.md").read_text()


def console_blocks() -> list[str]:
    """Return the README's ```console blocks in their order."""
    return re.findall(r"^```console\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Split a block into (command, expected output); a command goes on after a trailing backslash or pipe."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        match = re.match(r"((?:[^\n]*[\\|]\n)*[^\n]*)\n(.*)", part, re.DOTALL)
        assert match, part
        yield match[1], match[2]


def pattern(expected: str) -> str:
    """Turn what the README shows into a pattern: `…` stands for what differs, as a line for any lines."""
    lines = expected.rstrip("\n").splitlines()
    return "".join(
        "(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in lines
    )


@pytest.fixture
def shell(new_stack: Callable[[], Stack]) -> Iterator[Shell]:
    """Return one shell in a copy of the checkout, where the README's addresses lead to the copy's ports."""
    with Shell(new_stack()) as shell:
        yield shell


def test_every_console_block_prints_what_the_readme_shows(shell: Shell) -> None:
    assert console_blocks()
    for block in console_blocks():
        for command, expected in commands(block):
            printed = shell.run(command)
            assert re.fullmatch(pattern(expected), printed and f"{printed}\n"), f"$ {command}\n{printed}"


def test_the_diagram_is_of_a_recorded_run(stack: Stack) -> None:
    shown = re.findall(r"^```mermaid\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert shown == [stack.run("stack/stack", "flow", "--mermaid").stdout]


def section(heading: str) -> str:
    """Return what the README says below a heading."""
    return README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> set[str]:
    """Return every `code` word in the first two columns of a table."""
    first_cells = re.findall(r"^\|([^|\n]*\|[^|\n]*)\|", text, re.MULTILINE)
    return {word for cell in first_cells for word in re.findall(r"`([^`]*)`", cell)}


def test_every_make_target_is_in_the_readme() -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert {f"make {target}" for target in targets if target != "help"} == {
        row for row in rows(section("Commands")) if row.startswith("make ")
    }


def test_every_setting_is_in_the_readme_and_no_other() -> None:
    read = set(re.findall(r"\b([A-Z_]+_PORT|RUNTIME|PYTHON|VENV)\b", (CHECKOUT / "stack/stack").read_text()))
    for source in CHECKOUT.glob("*-*/*/settings.py"):
        read |= set(re.findall(r'"([A-Z][A-Z_]{3,})"', source.read_text())) - LOG_LEVELS
    assert rows(section("Settings")) == read


def test_every_check_of_the_api_is_in_the_docs_in_its_order() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \| ", API_DOCS.partition("## The keys")[0], re.MULTILINE)
    checks = [check.__name__.replace("_", "-") for check in CHECKS]
    assert documented == ["presenting", *checks, "scope", "fresh"]


def test_every_file_to_copy_of_the_api_is_in_the_docs() -> None:
    rows = [line for line in API_DOCS.splitlines() if line.startswith("| `")]
    copied = {name for row in rows for name in re.findall(r"`(\w+)\.py`", row)}
    package, known = CHECKOUT / "protected-api/protected_api", {"resource_server"}
    while (
        more := {
            name
            for module in known
            for name in re.findall(
                r"^from \.(\w+) import", (package / f"{module}.py").read_text(), re.MULTILINE
            )
        }
        - known
    ):
        known |= more
    assert copied == known


@pytest.mark.parametrize("service", SERVICES)
def test_every_endpoint_is_in_the_docs(stack: Stack, service: str) -> None:
    package = service.replace("-", "_")
    listed = stack.inside(service, "flask", "--app", f"{package}.wsgi", "routes").splitlines()[2:]
    routes = {re.sub(r"<(\w+:)?(\w+)>", r"{\2}", path) for _, methods, path in map(str.split, joined(listed))}
    assert routes - {"/static/{filename}"} <= rows(ENDPOINTS)


def joined(lines: list[str]) -> list[str]:
    """Close up the commas of a list of methods, so that each line has three words."""
    return [line.replace(", ", ",") for line in lines if line.strip()]
