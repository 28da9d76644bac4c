"""A run as text: its steps as wire text, the token in words, what came of it, where to look next.

All that is said of the flow is read from the run's JSON; only the form is known here. Not here: the width of
text (columns.py).
"""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from click import style

from flow_explorer.diagram import Item, draw
from flow_explorer.terminal.columns import cells, clean, heading, paragraph, wrapped
from flow_explorer.terminal.message_text import decoded, wire
from flow_explorer.verdict import asked_and_answered, failed_check
from flow_explorer.words import answer, milliseconds, state_notes

Document = dict[str, Any]


def flow(run: Document, look_next: Sequence[tuple[str, str]], now: datetime, width: int) -> Iterator[str]:
    """Yield the lines that show a run from its JSON; `look_next` are pairs of what and where."""
    known: list[Document] = []
    for item in draw(run).items:
        exchange = run["exchanges"][item.exchange]
        if item.number is not None:
            label = next(step["label"] for step in exchange["steps"] if step["number"] == item.number)
            yield from heading(f"{item.number}  {label}", width)
        yield from _item(item, exchange, width)
        token = _token(item, exchange)
        if token and token not in known:
            known.append(token)
            yield from decoded(token, now, width)
        yield ""
        if item.kind == "response":
            yield from _others(run["exchanges"][item.exchange + 1 : item.exchange + item.times], width)
    yield from lesson(run, width) if run.get("case") else books(run, width)
    yield ""
    yield from heading("Where to look next", width)
    longest = max((cells(what) for what, _ in look_next), default=0)
    for what, where in look_next:
        yield f"  {clean(what)}{' ' * (longest - cells(what))}  {style(clean(where), underline=True)}"


def books(run: Document, width: int, *, dry_run: bool = False) -> Iterator[str]:
    """Yield the lines that say what became of a run's files and rows, or would have."""
    became = f"What became of the entries: run {run['id']} {run['state']}"
    yield from heading("Nothing was sent: a dry run" if dry_run else became, width)
    columns = {"booked": "to send"} if dry_run else {"booked": "booked", "unchanged": "unchanged"}
    longest = max((cells(file["name"]) for file in run["files"]), default=0)
    for file in run["files"]:
        name = clean(file["name"]) + " " * (longest - cells(file["name"]))
        counts = (f" {file[name]:>5,} {what}" for name, what in (columns | {"rejected": "rejected"}).items())
        yield f"  {name}  {file['state']:<9}{file['rows']:>6,} rows{''.join(counts)}"
    for note in state_notes(run["files"]):
        yield from paragraph(note, width)
    for reject in run["rejects"]:
        place = f"{reject['file']} line {reject['line']}" + (
            f", {reject['column']}" if reject["column"] else ""
        )
        yield from paragraph(f"{place}: {reject['reason']}", width, mark=style("- ", fg="yellow"))
    if (hidden := run["rejected"] - len(run["rejects"])) > 0:
        yield from paragraph(f"and {hidden:,} more{'' if dry_run else ': the rejects files have all'}", width)
    yield from _error(run, width)


def lesson(run: Document, width: int) -> Iterator[str]:
    """Yield the lines that say what came of a case, whether it was to come so, and what it teaches."""
    case = run["case"]
    yield from heading(f"What came of it: {case['title']}", width)
    expected, answered = answer(case["expected"]), case["answered"] and answer(case["answered"])
    if case["as_expected"]:
        yield from paragraph(f"As expected: {answered}", width, mark=style("✓ ", fg="green", bold=True))
    else:
        text = f"Not as expected: {answered or 'not played to its end'}, instead of {expected}"
        yield from paragraph(text, width, mark=style("✗ ", fg="red", bold=True))
    yield from _error(run, width)
    yield from paragraph(f"{case['changes']} {case['teaches']} (See {case['rfc']}.)", width)


def _error(run: Document, width: int) -> Iterator[str]:
    if error := run["error"]:
        yield from paragraph(
            f"{error['error']}: {error['message']}", width, mark=style("! ", fg="red", bold=True)
        )
        yield from paragraph(f"What to do: {error['hint']}", width)


def _item(item: Item, exchange: Document, width: int) -> Iterator[str]:
    match item.kind:
        case "request" | "response":
            took = _took(exchange) if item.kind == "response" else ""
            yield _arrow(item, "→", took)
            if message := exchange[item.kind]:
                yield from wire(message, item.kind, exchange["status"], width)
            else:
                yield from paragraph(item.text, width)
        case "call":
            yield _arrow(item, "⇢", f"  after {milliseconds(item.seconds or 0)}")
            yield from paragraph(item.text, width)
        case "checks":
            yield from _checks(exchange, width)
        case _:
            yield from paragraph(item.text, width)


def _token(item: Item, exchange: Document) -> Document | None:
    message: Document | None = exchange[item.kind] if item.kind in {"request", "response"} else None
    return message and message["token"]


def _arrow(item: Item, arrow: str, took: str) -> str:
    return (
        f"  {style(item.sender, bold=True)} {arrow} {style(item.receiver, bold=True)}{style(took, dim=True)}"
    )


def _checks(exchange: Document, width: int) -> Iterator[str]:
    """Yield what the server examined, one check after the other, and what came of it."""
    answer = exchange["response"] or {"start_line": f"no answer: {exchange['failure']}"}
    yield from paragraph(f"{exchange['to']}: {answer['start_line']}", width)
    yield from _verdict(exchange, width)
    passed = [check for check in exchange.get("checks", ()) if not check["reason"]]
    told = ", ".join(f"{check['name']} {milliseconds(check['duration'])}" for check in passed)
    if told:
        yield from paragraph(told, width, mark=style("✓ ", fg="green"))
    if failed := failed_check(exchange):
        yield from paragraph(
            f"{failed['name']}: {failed['reason']}", width, mark=style("✗ ", fg="red", bold=True)
        )


def _verdict(exchange: Document, width: int) -> Iterator[str]:
    """Yield what was asked beside what was granted or refused, each in the words of the exchange."""
    for what, members in asked_and_answered(exchange):
        text = "  ".join(f"{name}={value}" for name, value in members)
        first, *others = wrapped(text, width - 13, words=True)
        yield f"    {style(f'{what:<9}', dim=True)}{first}"
        yield from (" " * 13 + line for line in others)


def _took(exchange: Document) -> str:
    failed = exchange["failed_before"]
    return f"  after {milliseconds(exchange['elapsed'])}" + (f" and {', '.join(failed)}" if failed else "")


def _others(exchanges: Sequence[Document], width: int) -> Iterator[str]:
    for exchange in exchanges:
        answer = exchange["response"] or {"start_line": f"no answer: {exchange['failure']}", "body": ""}
        text = f"{exchange['request']['start_line']} → {answer['start_line']}  {answer['body']}"
        yield from paragraph(textwrap.shorten(text, 3 * width), width, mark=style("again  ", dim=True))
    if exchanges:
        yield ""
