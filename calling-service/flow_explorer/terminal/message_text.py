"""One message as text: the bytes that crossed the wire, and the token in it in words."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from typing import Any

from click import style
from recording.redaction import short_tokens

from flow_explorer.terminal.columns import cells, wrapped
from flow_explorer.words import claimed_time

BODY_LINES = 6  # of a body that are shown
LONG_NAME = 16  # cells; a longer one stands above its value
Document = dict[str, Any]


def wire(message: Document, part: str, status: int | None, width: int) -> Iterator[str]:
    """Yield the message line by line, tokens and a long body shortened."""
    colour = "cyan" if part == "request" else "green" if (status or 0) < 400 else "red"
    bar = style("│ ", fg=colour)
    for line in wrapped(short_tokens(message["start_line"]), width - 4):
        yield f"  {bar}{style(line, fg=colour, bold=True)}"
    for name, value in message["headers"]:
        first, *others = wrapped(f"{name}: {short_tokens(value)}", width - 4)
        name_end = len(name) + 1
        yield f"  {bar}{style(first[:name_end], dim=True)}{first[name_end:]}"
        yield from (f"  {bar}  {line}" for line in others)
    if message["body"]:
        yield f"  {bar}"
        yield from (f"  {bar}{line}" for line in _body(message, width - 4))


def _body(message: Document, width: int) -> Iterator[str]:
    lines = [line for part in message["body"].splitlines() for line in wrapped(short_tokens(part), width)]
    yield from lines[:BODY_LINES]
    if len(lines) > BODY_LINES or message["body_shortened"]:
        yield style(f"… shortened: the body has {message['body_size']:,} bytes", dim=True)


def decoded(token: Document, now: datetime, width: int) -> Iterator[str]:
    """Yield the members of a token's header and payload, times in words."""
    yield ""
    yield f"  The {_kind(token)}, decoded:"
    names = [name for part in token.values() for name in part]
    column = max((cells(name) for name in names if cells(name) <= LONG_NAME), default=0) + 2
    for part, members in token.items():
        for number, (name, value) in enumerate(members.items()):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if words := claimed_time(name, value, now):
                text = f"{text}  {words}"
            left, right = wrapped(name, width - 13), wrapped(text, width - 13 - column)
            if cells(name) > LONG_NAME:
                right = [*("" for _ in left), *right]
            for line, (label, shown) in enumerate(zip_longest(left, right, fillvalue="")):
                lead = f"    {'' if number or line else part:<9}{label:<{column}}"
                yield f"{style(lead, dim=True)}{shown}"


def _kind(token: Document) -> str:
    kind = str(token.get("header", {}).get("typ")).lower().removeprefix("application/")
    return "token" if kind == "at+jwt" else "JWT, which is no access token"
