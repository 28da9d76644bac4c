"""Print how large each package is: its modules and its lines of code. Standard library only.

A line of code is a line that is not blank and not part of a comment or a docstring. Tests, templates, styles
and data are not counted. A package's `__init__.py` files are not modules here, but their code counts.
"""

import ast
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESOURCE_SERVER = "protected-api/protected_api/resource_server"
OAUTH_CLIENT = "calling-service/calling_service/oauth_client"
POSTGRESQL = ("auth-server/auth_server/postgresql", "protected-api/protected_api/postgresql")
APART = (RESOURCE_SERVER, OAUTH_CLIENT, *POSTGRESQL)  # folders to copy, and what the base does not import
PACKAGES = (
    "auth-server/auth_server",
    POSTGRESQL[0],
    "protected-api/protected_api",
    RESOURCE_SERVER,
    POSTGRESQL[1],
    "calling-service/calling_service",
    OAUTH_CLIENT,
    "calling-service/timesheet_exports",
    "calling-service/recording",
    "calling-service/flow_explorer",
)
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
ROW = "{:<46} {:>8} {:>14}"

DocstringOwner = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def lines_of_code(path: Path) -> int:
    """Return how many lines of a module hold code."""
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in LAYOUT]
    code = {line for token in tokens[1:] for line in range(token.start[0], token.end[0] + 1)}
    return len(code - set(docstring_lines(ast.parse(path.read_bytes()))))


def docstring_lines(tree: ast.Module) -> Iterator[int]:
    """Yield the numbers of the lines that docstrings take."""
    for node in ast.walk(tree):
        if not isinstance(node, DocstringOwner) or ast.get_docstring(node) is None:
            continue
        docstring = node.body[0]
        yield from range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1)


def modules_of(package: str) -> set[Path]:
    """Return the modules of a package without those of a folder within it that stands apart."""
    files = set((ROOT / package).rglob("*.py"))
    for folder in APART:
        if folder != package:
            files -= set((ROOT / folder).rglob("*.py"))
    return files


def main() -> None:
    """Print one row for each package, and for each folder apart, which its package does not count."""
    print(ROW.format("package", "modules", "lines of code"))  # noqa: T201
    for package in PACKAGES:
        files = sorted(modules_of(package))
        modules = [file for file in files if file.name != "__init__.py"]
        lines = sum(map(lines_of_code, files))
        print(ROW.format(package, len(modules), f"{lines:,}"))  # noqa: T201


if __name__ == "__main__":
    main()
