"""Find the markers of the tests in their source: no test is imported or run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TESTS = ("*/tests/**/test_*.py", "tests-e2e/**/test_*.py")
REQUIREMENT = "requirement"
KINDS = "kinds_of_failures"


@dataclass(frozen=True, slots=True, order=True)
class MarkedTest:
    """A test, by its file from the root and its name."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a test expects at a place for one kind of failure, or a variant of it: "own-key: a new kid"."""

    place: str
    kind: str
    text: str
    test: MarkedTest


@dataclass(frozen=True, slots=True)
class Markers:
    """All that the markers say: the tests of each requirement, and the answers to the kinds of failures."""

    tests: dict[str, list[MarkedTest]]
    answers: list[Answer]


def collect(root: Path = CHECKOUT) -> Markers:
    """Return what the markers below this folder say."""
    markers = Markers({}, [])
    for file in sorted({file for pattern in TESTS for file in root.glob(pattern)}):
        source = file.read_text()
        if f"mark.{REQUIREMENT}(" in source or f"mark.{KINDS}(" in source:
            _read(ast.parse(source), str(file.relative_to(root)), markers)
    return markers


def _read(module: ast.Module, file: str, markers: Markers) -> None:
    for function in module.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        test = MarkedTest(file, function.name)
        for name, arguments in _marks(function):
            if name == REQUIREMENT:
                for argument in arguments:
                    markers.tests.setdefault(ast.literal_eval(argument), []).append(test)
            if name == KINDS:
                markers.answers.extend(_answers(module, arguments, test))


def _marks(function: ast.FunctionDef) -> Iterator[tuple[str, list[ast.expr]]]:
    """Yield the name and the arguments of each decorator `@pytest.mark.name(…)`."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
            yield decorator.func.attr, decorator.args


def _answers(module: ast.Module, arguments: list[ast.expr], test: MarkedTest) -> Iterator[Answer]:
    place = ast.literal_eval(arguments[0])
    table = _value(module, arguments[1])
    if not isinstance(table, ast.Dict):
        raise TypeError(f"{test.file}: {KINDS} needs a dictionary of the kinds and their answers")
    for kind, answer in zip(table.keys, table.values, strict=True):
        if kind is not None:
            text = ast.literal_eval(_value(module, answer))
            yield Answer(place, ast.literal_eval(kind), text, test)


def _value(module: ast.Module, expression: ast.expr) -> ast.expr:
    """Return the expression or, if it is a name, what the module assigns to that name."""
    if not isinstance(expression, ast.Name):
        return expression
    for statement in module.body:
        if isinstance(statement, ast.AnnAssign | ast.Assign) and statement.value:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(target, ast.Name) and target.id == expression.id for target in targets):
                return statement.value
    raise LookupError(f"{expression.id} is not assigned in the module")


@cache
def texts(file: Path) -> set[str]:
    """Return the string constants of a file, among which are the names of its cases."""
    nodes = ast.walk(ast.parse(file.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@cache
def functions_of(file: Path) -> frozenset[str]:
    """Return the names of the functions of a test file; none if there is no such file."""
    body = ast.parse(file.read_text()).body if file.is_file() else []
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef))
