"""The README is true: its console blocks run and print what it shows, and its tables are complete."""

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest
from live_stack import CHECKOUT, SERVICES, Stack
from protected_api.resource_server.access_token import CHECKS
from shell import Shell, blocks, on_ports_of

SIZE_TOLERANCE = 75  # lines; the README rounds to hundreds, and a small change need not touch it
LOG_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
README = (CHECKOUT / "README.md").read_text()
ENDPOINTS = (CHECKOUT / "docs/endpoints.md").read_text()
API_DOCS = (CHECKOUT / "docs/timesheets-api.md").read_text()


@pytest.fixture
def shell(new_stack: Callable[[], Stack]) -> Iterator[Shell]:
    """Return a shell in a copy of the checkout."""
    with Shell(new_stack()) as shell:
        yield shell


def test_every_console_block_prints_what_the_readme_shows(shell: Shell) -> None:
    console_blocks = blocks(README, "console")
    assert console_blocks
    for _, block in console_blocks:
        shell.run_block(block)


def test_the_diagram_is_of_a_recorded_run(stack: Stack) -> None:
    assert [on_ports_of(stack, text) for _, text in blocks(README, "mermaid")] == [
        stack.run("stack/stack", "flow", "--mermaid").stdout
    ]


def section(heading: str) -> str:
    """Return the README's text below a heading."""
    return README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> set[str]:
    """Return every `word` in the first two columns of the text's tables."""
    first_cells = re.findall(r"^\|([^|\n]*\|[^|\n]*)\|", text, re.MULTILINE)
    return {word for cell in first_cells for word in re.findall(r"`([^`]*)`", cell)}


def test_every_make_target_is_in_the_readme() -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert {f"make {target}" for target in targets if target != "help"} == {
        row for row in rows(section("Commands")) if row.startswith("make ")
    }


def test_every_setting_is_in_the_readme_and_no_other() -> None:
    read = set(
        re.findall(
            r"\b([A-Z_]+_PORT|RUNTIME|(?:ANOTHER_)?SERVER|OVERLAY|(?:TLS|SCALE)_NETWORK|PYTHON|VENV)\b",
            (CHECKOUT / "stack/stack").read_text(),
        )
    )
    for source in CHECKOUT.glob("*-*/*/settings*.py"):
        read |= set(re.findall(r'"([A-Z][A-Z_]{3,})"', source.read_text())) - LOG_LEVELS
    assert rows(section("Settings")) == read


def test_every_check_of_the_api_is_in_the_docs_in_its_order() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \| ", API_DOCS.partition("## The keys")[0], re.MULTILINE)
    checks = [check.__name__.replace("_", "-") for check in CHECKS]
    assert documented == ["presenting", *checks, "scope", "fresh"]


@pytest.mark.parametrize(
    ("page", "heading", "folder"),
    [
        ("timesheets-api.md", "Copy this folder", "protected-api/protected_api/resource_server"),
        ("import-job.md", "Copy the client", "calling-service/calling_service/oauth_client"),
    ],
)
def test_every_file_to_copy_is_in_the_docs(page: str, heading: str, folder: str) -> None:
    text = (CHECKOUT / "docs" / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| (.*?) \|", text, re.MULTILINE)) - {"file", "---"}
    names = {name for cell in documented for name in re.findall(r"`(\w+\.py)`", cell)}
    assert names | {"__init__.py"} == {path.name for path in (CHECKOUT / folder).glob("*.py")}


def test_the_sizes_in_the_readme_are_those_that_make_size_prints() -> None:
    printed = subprocess.check_output(["make", "--no-print-directory", "size"], cwd=CHECKOUT, text=True)
    sizes = {
        package: int(lines.replace(",", "")) for package, _, lines in map(str.split, printed.splitlines()[1:])
    }
    shown = dict(re.findall(r"^\| \[`([\w/-]+)/`\][^|]*\|.*\| about ([0-9,]+) \|$", README, re.MULTILINE))
    assert shown.keys() == sizes.keys()
    for package, lines in sizes.items():
        difference = abs(lines - int(shown[package].replace(",", "")))
        assert difference <= SIZE_TOLERANCE, (
            f"{package} has {lines} lines of code: say about {round(lines, -2):,}"
        )


@pytest.mark.parametrize("service", SERVICES)
def test_every_endpoint_is_in_the_docs(stack: Stack, service: str) -> None:
    package = service.replace("-", "_")
    listed = stack.inside(service, "flask", "--app", f"{package}.wsgi", "routes").splitlines()[2:]
    routes = {re.sub(r"<(\w+:)?(\w+)>", r"{\2}", path) for _, methods, path in map(str.split, joined(listed))}
    assert routes - {"/static/{filename}"} <= rows(ENDPOINTS)


def joined(lines: list[str]) -> list[str]:
    """Remove the blanks in a list of methods, so that each line has three words."""
    return [line.replace(", ", ",") for line in lines if line.strip()]
