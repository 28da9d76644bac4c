"""The texts of a lesson as HTML: paragraphs, lists, tables, `code`, **strong** and links of Markdown.

A link leads to another lesson by its number, to a file of the repository by its path, or to the web.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup, escape

INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>.+?)\*\*|\[(?P<text>[^\]]+)\]\((?P<target>[^)]+)\)", re.DOTALL
)
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
ITEM = "- "
ENTRY = Markup("<li>{}</li>")
NAME = Markup('<th scope="col">{}</th>')
CELL = Markup("<td>{}</td>")
ROW = Markup("<tr>{}</tr>")
TABLE = Markup(  # which a keyboard can scroll
    '<div class="scroll" tabindex="0" role="region" aria-label="{}">'
    "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
)
WEB = ("http://", "https://")


def linked(text: str, address: Callable[[str], str]) -> str:
    """Return the Markdown with the target of each link as `address` returns it."""
    return LINK.sub(lambda link: f"[{link[1]}]({address(link[2])})", text)


def html(text: str, lesson_address: Callable[[int], str]) -> Markup:
    """Return the text as HTML, in which nothing of it can act as HTML."""
    blocks = re.split(r"\n\n+", text.strip())
    return Markup("\n").join(_block(block.splitlines(), lesson_address) for block in blocks)


def _block(lines: Sequence[str], lesson_address: Callable[[int], str]) -> Markup:
    def inline(part: str) -> Markup:
        return _inline(part, lesson_address)

    if lines[0].startswith("|"):
        return _table(lines, inline)
    if lines[0].startswith(ITEM):
        items = "\n".join(lines).removeprefix(ITEM).split(f"\n{ITEM}")
        return Markup("<ul>{}</ul>").format(_each(ENTRY, map(inline, items)))
    return Markup("<p>{}</p>").format(inline("\n".join(lines)))


def _table(lines: Sequence[str], inline: Callable[[str], Markup]) -> Markup:
    head, _rule, *rows = map(_cells, lines)
    names = _each(NAME, map(inline, head))
    body = _each(ROW, (_each(CELL, map(inline, row)) for row in rows))
    return TABLE.format(", ".join(head), names, body)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


def _each(template: Markup, parts: Iterator[Markup]) -> Markup:
    return Markup("").join(map(template.format, parts))


def _inline(text: str, lesson_address: Callable[[int], str]) -> Markup:
    parts = []
    end = 0
    for found in INLINE.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(_marked(found, lesson_address))
        end = found.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _marked(found: re.Match[str], lesson_address: Callable[[int], str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    if found["strong"]:
        return Markup("<strong>{}</strong>").format(_inline(found["strong"], lesson_address))
    text = _inline(found["text"], lesson_address)
    target = found["target"]
    if target.isdecimal():
        return Markup('<a href="{}">{}</a>').format(lesson_address(int(target)), text)
    if target.startswith(WEB):
        return Markup('<a href="{}" rel="noreferrer">{}</a>').format(target, text)
    return Markup("{} (<code>{}</code>)").format(text, target)  # a file, which the page cannot show
