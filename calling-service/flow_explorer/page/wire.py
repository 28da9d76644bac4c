"""A recorded message line by line as it crossed the wire, each part with its meaning.

Not here: the meanings themselves (meanings.toml), the token that a message carries (claims.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import unquote_plus

from recording.capture import FORM
from recording.exchange import Message
from recording.redaction import CUT

from flow_explorer.meanings import Meaning, meaning_of

TOKEN = re.compile(rf"(eyJ[\w-]+\.)([\w-]*\.)({re.escape(CUT)})", re.ASCII)
PARTS = ("", "header", "payload", "signature")  # of what TOKEN.split returns, in turn
NUMBER = re.compile("/[0-9]+")
MEMBER = re.compile(r'[{\s]*"((?:[^"\\]|\\.)*)"')
STRING_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]')
NESTING = {"{": 1, "[": 1, "}": -1, "]": -1}


@dataclass(frozen=True, slots=True)
class Line:
    """A start line, header, blank line or piece of a body; its text is before + name + after."""

    before: str
    name: str = ""
    after: str = ""
    meaning: Meaning | None = None
    general: bool = False  # a header that any HTTP message may have

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Yield the text in pieces, each after its kind: name, header, payload, signature or nothing."""
        yield from zip(cycle(PARTS), TOKEN.split(self.before), strict=False)
        yield "name", self.name
        yield from zip(cycle(PARTS), TOKEN.split(self.after), strict=False)


def lines(message: Message) -> Iterator[Line]:
    """Yield the message's lines; a body of parameters or JSON members is cut into one piece for each."""
    if message.start_line.startswith("HTTP/"):
        yield _status_line(message.start_line)
    else:
        yield _request_line(message.start_line)
    for name, value in message.headers:
        yield _header(name, value)
    if message.body:
        yield Line("")
        yield from _body(message.body, message.header("Content-Type"))


def _status_line(text: str) -> Line:
    version, status, reason = f"{text} ".split(" ", 2)
    return Line(f"{version} ", status, f" {reason}".rstrip(), meaning_of("status", status))


def _request_line(text: str) -> Line:
    method, space, rest = text.partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    return Line("", method, space + rest, meaning_of("path", NUMBER.sub("/{id}", path)))


def _header(name: str, value: str) -> Line:
    if general := meaning_of("general header", name.lower()):
        return Line("", name, f": {value}", general, general=True)
    scheme = value.partition(" ")[0]
    with_scheme = f"{name} {scheme}".lower()
    meaning = meaning_of("header", name.lower()) or meaning_of("header", with_scheme)
    return Line("", name, f": {value}", meaning)


def _body(text: str, media_type: str) -> Iterator[Line]:
    if FORM in media_type:
        yield from map(_parameter, re.findall("[^&]*&|[^&]+$", text))
    elif "json" in media_type:
        yield from map(_member, _members(text))
    else:
        yield Line(text)


def _parameter(piece: str) -> Line:
    name, equals, value = piece.partition("=")
    return Line("", name, equals + value, meaning_of("parameter", unquote_plus(name)))


def _member(piece: str) -> Line:
    found = MEMBER.match(piece)
    if not found:
        return Line(piece)
    start, end = found.span(1)
    return Line(piece[:start], found[1], piece[end:], meaning_of("member", found[1]))


def _members(text: str) -> Iterator[str]:
    """Yield the text of a JSON value in pieces, one for each member of the outermost object."""
    depth = 0
    start = 0
    for found in STRING_OR_MARK.finditer(text):
        depth += NESTING.get(found[0], 0)
        if found[0] == "," and depth == 1:
            yield text[start : found.end()]
            start = found.end()
    yield text[start:]
