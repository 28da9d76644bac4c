"""Text in the columns of a terminal: how wide it is, where it breaks, headings and paragraphs.

Lines are styled with ANSI codes, which click.echo takes out where they do not belong; text never has any.
"""

import textwrap
from collections.abc import Iterator
from unicodedata import east_asian_width

from click import style

NO_BREAK, UNPRINTABLE = "\N{NO-BREAK SPACE}", "\N{REPLACEMENT CHARACTER}"


def cells(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in clean(text))


def heading(text: str, width: int) -> Iterator[str]:
    """Yield a heading that fills its line, and an empty line."""
    for line in wrapped(text, width - 6, words=True):
        yield style(f"━━ {line} " + "━" * max(0, width - 4 - cells(line)), fg="blue", bold=True)
    yield ""


def paragraph(text: str, width: int, mark: str = "") -> Iterator[str]:
    """Yield the lines of a paragraph, the first after the mark, the others below its beginning."""
    for number, line in enumerate(wrapped(text, width - 10, words=True)):
        yield f"  {mark if number == 0 else ' ' * (2 if mark else 0)}{line}"


def wrapped(text: str, width: int, *, words: bool = False) -> list[str]:
    """Break text to the width; wire text keeps every character, and breaks at a mark if one is near."""
    text = clean(text)
    if words:
        return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    lines, line, used = [], "", 0
    for char in text:
        size = cells(char)
        if used + size > width:
            end = max(line.rfind(mark, len(line) * 2 // 3) for mark in " &,") + 1 or len(line)
            lines.append(line[:end])
            line = line[end:]
            used = cells(line)
        line, used = line + char, used + size
    return [*lines, line]


def clean(text: str) -> str:
    """Return the text with a sign in the place of each character that a terminal would act on."""
    return "".join(char if char.isprintable() or char == NO_BREAK else UNPRINTABLE for char in text)
