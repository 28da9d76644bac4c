"""What the pages have in common: tables, and the recipe of a row."""

import os
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
DOCS = FOLDER.parent.parent / "docs"
BEGINS = "recipe begins"
ENDS = "recipe ends"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def recipe(row: Row) -> str:
    """Return a row's recipe or else its program as a code block: all, or what is between markers."""
    file = FOLDER / (row.recipe or row.program)
    text = "\n\n\n".join(parts(file.read_text()))
    return f"```{LANGUAGES.get(file.suffix, '')}\n{text}\n```\n"


def whole_program(row: Row) -> str:
    """Return a sentence that links to the program of which the recipe is a part."""
    file = (FOLDER / row.program).resolve()
    return f"[The whole program]({os.path.relpath(file, DOCS)})."


def parts(program: str) -> list[str]:
    """Return what is between the lines with markers, part by part; without markers, the whole program."""
    lines = program.splitlines()
    begins = [number + 1 for number, line in enumerate(lines) if BEGINS in line] or [0]
    ends = [number for number, line in enumerate(lines) if ENDS in line] or [len(lines)]
    marked = ["\n".join(lines[begin:end]) for begin, end in zip(begins, ends, strict=True)]
    return [textwrap.dedent(part).strip("\n") for part in marked]


def anchor(name: str) -> str:
    """Return the anchor of a heading."""
    return "".join(one for one in name.lower().replace(" ", "-") if one.isalnum() or one in "-_")


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
