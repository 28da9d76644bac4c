"""A message and its checks as lines with names, so that two of them can be compared name by name.

A body of parameters or JSON has a line for each member, a JWT one for each header parameter and claim.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from recording.capture import FORM
from recording.exchange import DecodedToken, Exchange, Message

from flow_explorer.comparison import essence
from flow_explorer.diagram import ORIGIN
from flow_explorer.words import as_text

WHERE = ("header", "body", "JWT header", "JWT payload", "proof header", "proof payload", "check", "call", "")
MEMBERS = 200  # of one body or token that have a line of their own
CHECKS = "check"
PASSED = "passed"
REMEMBERED = "remembered"  # the check of an API that has made all the others before


class Key(NamedTuple):
    """What a line is called: where it stands, its name, and which one of that name it is."""

    where: str
    name: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A value with its name; two values with one essence mean the same."""

    where: str
    name: str
    value: str
    essence: str


def of_message(message: Message, sent: float) -> list[Line]:
    """Return the lines of a message but for its first; `sent` is when, in seconds since 1970."""
    found = [Line("header", name, value, essence.of_header(name, value)) for name, value in message.headers]
    found += _body(message)
    for kind, token in (("JWT", message.token), ("proof", message.proof)):
        if token:
            found += _token(kind, token, sent)
    return found


def of_checks(exchange: Exchange) -> list[Line]:
    """Return a line for each check that the receiver made, and for each call that it made itself."""
    found = []
    for check in exchange.checks:
        value = f"failed: {check.reason}" if check.reason else PASSED
        found.append(Line(CHECKS, check.name, value, value))
    for call in exchange.calls:
        value = f"{ORIGIN.sub('', call.request)} → {call.answer}"
        found.append(Line("call", call.name, value, value))
    return found


def by_key(lines: Iterable[Line]) -> dict[Key, Line]:
    """Return the lines by their keys; of those with one name, each has its number. Case does not count."""
    found: dict[Key, Line] = {}
    seen = Counter[Key]()
    for line in lines:
        first = Key(line.where, line.name.lower())
        found[first._replace(number=seen[first])] = line
        seen[first] += 1
    return found


def _token(kind: str, token: DecodedToken, sent: float) -> Iterator[Line]:
    proof = kind == "proof"
    for part, name, value in token.members():
        where = f"{kind} {part}"
        if isinstance(value, dict | list):
            yield from _nested(where, name, value)
            continue
        text = as_text(value)
        if part == "header":
            yield Line(where, name, text, text)
            continue
        what = essence.of_claim(name, value, token.payload, sent, proof=proof)
        words = essence.in_words(value, token.payload, sent) if name == "exp" else ""
        if words:
            text = f"{text} ({words})"
        yield Line(where, name, text, what)


def _body(message: Message) -> list[Line]:
    media_type = message.header("Content-Type")
    text = message.body
    if FORM in media_type:
        pairs = parse_qsl(text, keep_blank_values=True)
        return [Line("body", name, value, essence.of_text(value)) for name, value in pairs]
    if "json" in media_type:
        try:
            return list(_nested("body", "", json.loads(text)))
        except (ValueError, RecursionError):
            pass  # a body that was shortened, or is no JSON, is one line
    return [Line("body", "body", text, essence.of_text(text))] if text else []


def _nested(where: str, name: str, value: object) -> Iterator[Line]:
    """Yield a line for each value in a JSON value, up to MEMBERS, and one for the others."""
    members = _members(name, value)
    for path, text in islice(members, MEMBERS):
        yield Line(where, path or "body", text, essence.of_text(text))
    others = [f"{path}={essence.of_text(text)}" for path, text in members]
    if others:
        yield Line(where, "…", f"{len(others):,} more members", "\n".join(others))


def _members(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each value, in their order; an iterator, since JSON nests deeply."""
    waiting: list[tuple[str, Any]] = [(name, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += reversed([(f"{path}.{key}".removeprefix("."), each) for key, each in value.items()])
        elif isinstance(value, list) and value:
            waiting += reversed([(f"{path}[{place}]", each) for place, each in enumerate(value)])
        else:
            yield path, as_text(value)
