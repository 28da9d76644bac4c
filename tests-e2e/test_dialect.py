"""The services share no code; where they do the same thing, they do it by the same text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_stack import CHECKOUT

PACKAGES = ("auth-server/auth_server", "protected-api/protected_api", "calling-service/calling_service")
ROOMS_BESIDE = (
    "calling-service/timesheet_exports",
    "calling-service/recording",
    "calling-service/flow_explorer",
)
SAME_TEXT = {
    "settings_reader.py": PACKAGES,
    "logs.py": PACKAGES,
    "problems.py": PACKAGES,
    "graceful_stop.py": PACKAGES,
    "lean_flask.py": PACKAGES[:2],
    "names.py": ("protected-api/protected_api/timesheets", "calling-service/timesheet_exports"),
    "request_log.py": PACKAGES[1:],  # the authorization server says in that line what it has decided
}
OTHER_VERBS = {"Answer", "Give", "Get", "Obtain", "Say", "Tell"}  # for Return


@pytest.mark.parametrize("name", SAME_TEXT)
def test_the_same_work_is_done_by_the_same_text(name: str) -> None:
    texts = {(CHECKOUT / package / name).read_text() for package in SAME_TEXT[name]}
    assert len(texts) == 1


@pytest.mark.parametrize("package", PACKAGES + ROOMS_BESIDE)
def test_a_function_that_returns_something_says_return(package: str) -> None:
    wrong = {
        f"{file.relative_to(CHECKOUT)}:{function.lineno}: {verb}"
        for file in (CHECKOUT / package).rglob("*.py")
        for function, verb in returning_functions(file)
        if verb in OTHER_VERBS
    }
    assert wrong == set()


def returning_functions(file: Path) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Yield each function that returns a value, but no view, with the first word of its docstring."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.FunctionDef) or node.returns is None:
            continue
        returns = ast.unparse(node.returns)
        if returns != "None" and "Response" not in returns:
            yield node, (ast.get_docstring(node) or "").partition(" ")[0]
