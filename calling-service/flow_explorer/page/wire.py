"""A recorded message line by line as it crossed the wire, each part with what it is for.

Not here: the meanings themselves (meanings.toml), the token that a message carries (claims.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import unquote_plus

from flow_explorer.meanings import Meaning, meaning

TOKEN = re.compile(r"(eyJ[\w-]+\.)([\w-]*\.)(\[signature cut\])", re.ASCII)
PARTS = ("", "header", "payload", "signature")  # what TOKEN splits a text into, again and again
NUMBER = re.compile("/[0-9]+")
MEMBER = re.compile(r'[{\s]*"((?:[^"\\]|\\.)*)"')
STRING_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]')


@dataclass(frozen=True, slots=True)
class Line:
    """A start line, header, blank line or piece of a body; its text is before + name + after."""

    before: str
    name: str = ""
    after: str = ""
    meaning: Meaning | None = None
    plumbing: bool = False  # a header that has nothing to do with the flow

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Yield the text in pieces, each with what it is: name, header, payload, signature or nothing."""
        yield from zip(cycle(PARTS), TOKEN.split(self.before), strict=False)
        yield "name", self.name
        yield from zip(cycle(PARTS), TOKEN.split(self.after), strict=False)


def lines(message: dict[str, Any]) -> Iterator[Line]:
    """Yield the message's lines; a body of parameters or JSON members in pieces, which together are it."""
    start, headers = message["start_line"], message["headers"]
    yield _answer(start) if start.startswith("HTTP/") else _request(start)
    yield from (_header(name, value) for name, value in headers)
    if message["body"]:
        yield Line("")
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        yield from _body(message["body"], kind)


def _header(name: str, value: str) -> Line:
    if plumbing := meaning("plumbing", name.lower()):
        return Line("", name, f": {value}", plumbing, plumbing=True)
    scheme = f"{name} {value.partition(' ')[0]}".lower()
    return Line("", name, f": {value}", meaning("header", name.lower()) or meaning("header", scheme))


def _answer(start_line: str) -> Line:
    version, status, reason = f"{start_line} ".split(" ", 2)
    return Line(f"{version} ", status, f" {reason}".rstrip(), meaning("status", status))


def _request(start_line: str) -> Line:
    method, space, rest = start_line.partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    return Line("", method, space + rest, meaning("path", NUMBER.sub("/{id}", path)))


def _body(text: str, kind: str) -> Iterator[Line]:
    if "x-www-form-urlencoded" in kind:
        for piece in re.findall("[^&]*&|[^&]+$", text):
            name, equals, value = piece.partition("=")
            yield Line("", name, equals + value, meaning("parameter", unquote_plus(name)))
    elif "json" in kind:
        yield from map(_member, _members(text))
    else:
        yield Line(text)


def _member(piece: str) -> Line:
    if not (found := MEMBER.match(piece)):
        return Line(piece)
    start, end = found.span(1)
    return Line(piece[:start], found[1], piece[end:], meaning("member", found[1]))


def _members(text: str) -> Iterator[str]:
    """Yield the text of a JSON value in pieces, one for each member of the outermost."""
    depth, start = 0, 0
    for found in STRING_OR_MARK.finditer(text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
        if found[0] == "," and depth == 1:
            yield text[start : found.end()]
            start = found.end()
    yield text[start:]
