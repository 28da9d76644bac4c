"""A run as text: its steps as wire text, the token in words, what was booked, where to look next.

All that is said of the flow is read from the run's JSON; only the form is known here. Lines are styled with
ANSI codes, which click.echo takes out where they do not belong; text from the wire never has any.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any
from unicodedata import east_asian_width

from click import style

from .diagram import Item, draw
from .verdict import asked_and_answered, failed_check
from .words import claimed_time, milliseconds

BODY_LINES = 6  # of a body that are shown
LONG_NAME = 16  # cells; a longer one stands above its value
TOKEN_PART = re.compile(r"\b(eyJ[\w-]{6})[\w-]+(?=\.)|(?<=\.)(eyJ[\w-]{6})[\w-]+(?=\.)", re.ASCII)

Document = dict[str, Any]


def flow(run: Document, look_next: Sequence[tuple[str, str]], now: datetime, width: int) -> Iterator[str]:
    """Yield the lines that show a run from its JSON; `look_next` are pairs of what and where."""
    for item in draw(run).items:
        exchange = run["exchanges"][item.exchange]
        if item.number is not None:
            label = next(step["label"] for step in exchange["steps"] if step["number"] == item.number)
            yield from _heading(str(item.number), label, width)
        yield from _item(item, exchange, now, width)
        yield ""
        if item.kind == "response":
            yield from _others(run["exchanges"][item.exchange + 1 : item.exchange + item.times], width)
    yield from books(run, width)
    yield ""
    yield from _heading("", "Where to look next", width)
    longest = max((cells(what) for what, _ in look_next), default=0)
    for what, where in look_next:
        yield f"  {_clean(what)}{' ' * (longest - cells(what))}  {style(_clean(where), underline=True)}"


def books(run: Document, width: int, *, dry_run: bool = False) -> Iterator[str]:
    """Yield the lines that say what became of a run's files and rows, or would have."""
    heading = f"What became of the entries: run {run['id']} {run['state']}"
    yield from _heading("", "Nothing was sent: a dry run" if dry_run else heading, width)
    columns = {"booked": "to send"} if dry_run else {"booked": "booked", "unchanged": "unchanged"}
    longest = max((cells(file["name"]) for file in run["files"]), default=0)
    for file in run["files"]:
        name = _clean(file["name"]) + " " * (longest - cells(file["name"]))
        counts = (f" {file[name]:>5,} {what}" for name, what in (columns | {"rejected": "rejected"}).items())
        yield f"  {name}  {file['state']:<9}{file['rows']:>6,} rows{''.join(counts)}"
    if any(file["state"] == "waiting" for file in run["files"]):
        yield from _paragraph("waiting: still being written, as it seems; the next run looks again", width)
    for reject in run["rejects"]:
        place = f"{reject['file']} line {reject['line']}" + (
            f", {reject['column']}" if reject["column"] else ""
        )
        yield from _paragraph(f"{place}: {reject['reason']}", width, mark=style("- ", fg="yellow"))
    if (hidden := run["rejected"] - len(run["rejects"])) > 0:
        yield from _paragraph(
            f"and {hidden:,} more{'' if dry_run else ': the rejects files have all'}", width
        )
    if error := run["error"]:
        yield from _paragraph(
            f"{error['error']}: {error['message']}", width, mark=style("! ", fg="red", bold=True)
        )
        yield from _paragraph(f"What to do: {error['hint']}", width)


def cells(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in _clean(text))


def _item(item: Item, exchange: Document, now: datetime, width: int) -> Iterator[str]:
    match item.kind:
        case "request" | "response":
            took = _took(exchange) if item.kind == "response" else ""
            yield _arrow(item, "→", took)
            if message := exchange[item.kind]:
                yield from _wire(message, item.kind, exchange["status"], width)
                yield from _token(message["token"] if item.kind == "response" else None, now, width)
            else:
                yield from _paragraph(item.text, width)
        case "call":
            yield _arrow(item, "⇢", f"  after {milliseconds(item.seconds or 0)}")
            yield from _paragraph(item.text, width)
        case "checks":
            yield from _checks(exchange, width)
        case _:
            yield from _paragraph(item.text, width)


def _arrow(item: Item, arrow: str, took: str) -> str:
    return (
        f"  {style(item.sender, bold=True)} {arrow} {style(item.receiver, bold=True)}{style(took, dim=True)}"
    )


def _checks(exchange: Document, width: int) -> Iterator[str]:
    """Yield what the server examined, one check after the other, and what came of it."""
    answer = exchange["response"] or {"start_line": f"no answer: {exchange['failure']}"}
    yield from _paragraph(f"{exchange['to']}: {answer['start_line']}", width)
    yield from _verdict(exchange, width)
    passed = [check for check in exchange.get("checks", ()) if not check["reason"]]
    told = ", ".join(f"{check['name']} {milliseconds(check['duration'])}" for check in passed)
    if told:
        yield from _paragraph(told, width, mark=style("✓ ", fg="green"))
    if failed := failed_check(exchange):
        yield from _paragraph(
            f"{failed['name']}: {failed['reason']}", width, mark=style("✗ ", fg="red", bold=True)
        )


def _verdict(exchange: Document, width: int) -> Iterator[str]:
    """Yield what was asked beside what was granted or refused, each in the words of the exchange."""
    for what, members in asked_and_answered(exchange):
        text = "  ".join(f"{name}={value}" for name, value in members)
        first, *others = _wrapped(text, width - 13, words=True)
        yield f"    {style(f'{what:<9}', dim=True)}{first}"
        yield from (" " * 13 + line for line in others)


def _took(exchange: Document) -> str:
    failed = exchange["failed_before"]
    return f"  after {milliseconds(exchange['elapsed'])}" + (f" and {', '.join(failed)}" if failed else "")


def _wire(message: Document, part: str, status: int | None, width: int) -> Iterator[str]:
    colour = "cyan" if part == "request" else "green" if (status or 0) < 400 else "red"
    bar = style("│ ", fg=colour)
    for line in _wrapped(message["start_line"], width - 4):
        yield f"  {bar}{style(line, fg=colour, bold=True)}"
    for name, value in message["headers"]:
        first, *others = _wrapped(f"{name}: {_short_tokens(value)}", width - 4)
        name_end = len(name) + 1
        yield f"  {bar}{style(first[:name_end], dim=True)}{first[name_end:]}"
        yield from (f"  {bar}  {line}" for line in others)
    if message["body"]:
        yield f"  {bar}"
        yield from (f"  {bar}{line}" for line in _body(message, width - 4))


def _body(message: Document, width: int) -> Iterator[str]:
    lines = [line for part in message["body"].splitlines() for line in _wrapped(_short_tokens(part), width)]
    yield from lines[:BODY_LINES]
    if len(lines) > BODY_LINES or message["body_shortened"]:
        yield style(f"… shortened: the body has {message['body_size']:,} bytes", dim=True)


def _token(token: Document | None, now: datetime, width: int) -> Iterator[str]:
    if token is None:
        return
    yield ""
    yield "  The token, decoded:"
    names = [name for part in token.values() for name in part]
    column = max((cells(name) for name in names if cells(name) <= LONG_NAME), default=0) + 2
    for part, members in token.items():
        for number, (name, value) in enumerate(members.items()):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if words := claimed_time(name, value, now):
                text = f"{text}  {words}"
            left, right = _wrapped(name, width - 13), _wrapped(text, width - 13 - column)
            if cells(name) > LONG_NAME:
                right = [*("" for _ in left), *right]
            for line, (label, shown) in enumerate(zip_longest(left, right, fillvalue="")):
                lead = f"    {'' if number or line else part:<9}{label:<{column}}"
                yield f"{style(lead, dim=True)}{shown}"


def _others(exchanges: Sequence[Document], width: int) -> Iterator[str]:
    for exchange in exchanges:
        answer = exchange["response"] or {"start_line": f"no answer: {exchange['failure']}", "body": ""}
        text = f"{exchange['request']['start_line']} → {answer['start_line']}  {answer['body']}"
        yield from _paragraph(textwrap.shorten(text, 3 * width), width, mark=style("again  ", dim=True))
    if exchanges:
        yield ""


def _heading(number: str, label: str, width: int) -> Iterator[str]:
    text = f" {number}  {label} " if number else f" {label} "
    for line in textwrap.wrap(_clean(text.strip()), width - 6):
        yield style(f"━━ {line} " + "━" * max(0, width - 4 - cells(line)), fg="blue", bold=True)
    yield ""


def _paragraph(text: str, width: int, mark: str = "") -> Iterator[str]:
    for number, line in enumerate(_wrapped(text, width - 10, words=True)):
        yield f"  {mark if number == 0 else ' ' * (2 if mark else 0)}{line}"


def _wrapped(text: str, width: int, *, words: bool = False) -> list[str]:
    """Break text to the width; wire text keeps every character, and breaks at a mark if one is near."""
    text = _clean(text)
    if words:
        return textwrap.wrap(text, width) or [""]
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


def _short_tokens(text: str) -> str:
    return TOKEN_PART.sub(lambda found: f"{found[1] or found[2]}…", text)


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
