"""One message as text: its lines as they crossed the wire, and the token in it, decoded."""

from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest

from click import style
from recording.exchange import DecodedToken, Message

from flow_explorer.columns import cells, wrapped
from flow_explorer.words import as_text, claimed_time, short_tokens

BODY_LINES = 6  # of a body that are shown
LONG_NAME = 16  # columns; the value of a longer name stands below it


def wire(message: Message, colour: str, width: int) -> Iterator[str]:
    """Yield the message line by line, with its tokens and a long body shortened."""
    bar = style("│ ", fg=colour)
    for line in wrapped(short_tokens(message.start_line), width - 4):
        yield f"  {bar}{style(line, fg=colour, bold=True)}"
    for name, value in message.headers:
        first, *others = wrapped(f"{name}: {short_tokens(value)}", width - 4)
        name_end = len(name) + 1
        yield f"  {bar}{style(first[:name_end], dim=True)}{first[name_end:]}"
        yield from (f"  {bar}  {line}" for line in others)
    if message.body:
        yield f"  {bar}"
        yield from (f"  {bar}{line}" for line in _body(message, width - 4))


def _body(message: Message, width: int) -> Iterator[str]:
    lines: list[str] = []
    for line in message.body.splitlines():
        lines += wrapped(short_tokens(line), width)
    yield from lines[:BODY_LINES]
    if len(lines) > BODY_LINES or message.body_shortened:
        yield style(f"… shortened: the body has {message.body_size:,} bytes", dim=True)


def decoded(token: DecodedToken, now: datetime, width: int) -> Iterator[str]:
    """Yield the members of a token's header and payload, times in words."""
    yield ""
    yield f"  The {_kind(token)}, decoded:"
    widths = [cells(name) for _, name, _ in token.members()]
    column = max((size for size in widths if size <= LONG_NAME), default=0) + 2
    part_before = ""
    for part, name, value in token.members():
        names = wrapped(name, width - 13)
        values = wrapped(_value_text(name, value, now), width - 13 - column)
        if cells(name) > LONG_NAME:
            values = [""] * len(names) + values
        label = "" if part == part_before else part
        for name_line, value_line in zip_longest(names, values, fillvalue=""):
            yield f"{style(f'    {label:<9}{name_line:<{column}}', dim=True)}{value_line}"
            label = ""
        part_before = part


def _value_text(name: str, value: object, now: datetime) -> str:
    text = as_text(value)
    time = claimed_time(name, value, now)
    if time:
        return f"{text}  {time}"
    return text


def _kind(token: DecodedToken) -> str:
    media_type = str(token.header.get("typ")).lower()
    if media_type == "dpop+jwt":
        return "DPoP proof"
    if media_type.removeprefix("application/") == "at+jwt":
        return "token"
    return "JWT, which is not an access token"
