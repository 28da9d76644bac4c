"""Text in the columns of a terminal: how wide it is, where it breaks, headings and paragraphs.

Lines are styled with ANSI codes, which click.echo removes where they are not wanted; text never has any.
"""

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from unicodedata import east_asian_width

import click
from click import style

NO_BREAK = "\N{NO-BREAK SPACE}"
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def echo(lines: Iterable[str]) -> None:
    """Print the lines, without styles where the output is not a terminal or NO_COLOR is set."""
    color = False if os.environ.get("NO_COLOR") else None
    for line in lines:
        click.echo(line, color=color)


def width() -> int:
    """Return the width of the terminal, bounded to what is readable."""
    columns = shutil.get_terminal_size((100, 24)).columns
    return min(max(columns, 40), 110)


def cells(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    text = clean(text)
    return len(text) + sum(east_asian_width(char) in "WF" for char in text)


def heading(text: str, width: int) -> Iterator[str]:
    """Yield a heading that fills its line, and an empty line."""
    for line in wrapped(text, width - 6, words=True):
        yield style(f"━━ {line} " + "━" * max(0, width - 4 - cells(line)), fg="blue", bold=True)
    yield ""


def paragraph(text: str, width: int, mark: str = "") -> Iterator[str]:
    """Yield the lines of a paragraph, the first after the mark, the others below its beginning."""
    first, *others = wrapped(text, width - 10, words=True)
    yield f"  {mark}{first}"
    indent = "    " if mark else "  "
    for line in others:
        yield indent + line


def wrapped(text: str, width: int, *, words: bool = False) -> list[str]:
    """Break text to the width: between words, or after a mark if one is near, with no character lost."""
    text = clean(text)
    if words:
        return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    lines: list[str] = []
    line = ""
    used = 0
    for char in text:
        size = cells(char)
        if used + size > width:
            end = _end_of_line(line)
            lines.append(line[:end])
            line = line[end:]
            used = cells(line)
        line += char
        used += size
    return [*lines, line]


def _end_of_line(text: str) -> int:
    """Return where to break the text: behind the last mark in its last third, else at its end."""
    last_third = len(text) * 2 // 3
    last_mark = max(text.rfind(mark, last_third) for mark in " &,")
    return last_mark + 1 or len(text)


def clean(text: str) -> str:
    """Return the text with a sign in the place of each character that could control a terminal."""
    return "".join(map(_clean_character, text))


def _clean_character(char: str) -> str:
    if char.isprintable() or char == NO_BREAK:
        return char
    return UNPRINTABLE
