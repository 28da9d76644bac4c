"""What the pages have in common: tables, and the recipe of a row."""

import textwrap
from collections.abc import Iterable, Sequence

from interop.rows import FOLDER, Row

LANGUAGES = {
    ".py": "python",
    ".mjs": "javascript",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".sh": "sh",
    ".http": "http",
    ".toml": "toml",
}
BEGINS, ENDS = "recipe begins", "recipe ends"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def recipe(row: Row) -> str:
    """Return a row's recipe or else its program as a code block: all, or what is between the two markers."""
    file = FOLDER / (row.recipe or row.program)
    lines = file.read_text().splitlines()
    marks = [number for number, line in enumerate(lines) if BEGINS in line or ENDS in line]
    if marks:
        begin, end = marks
        lines = lines[begin + 1 : end]
    text = textwrap.dedent("\n".join(lines)).strip("\n")
    return f"```{LANGUAGES.get(file.suffix, '')}\n{text}\n```\n"


def paragraph(text: str) -> str:
    """Return a paragraph in lines of the usual length."""
    return _wrapped(text, "")


def bullets(sentences: Iterable[str]) -> str:
    """Return a Markdown list."""
    return "".join(_wrapped(f"- {sentence}", "  ") for sentence in sentences)


def _wrapped(text: str, indent: str) -> str:
    wrapper = textwrap.TextWrapper(
        128, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.fill(text) + "\n"
