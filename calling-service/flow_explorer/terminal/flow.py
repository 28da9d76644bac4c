"""A run as text: its steps as wire text, each token decoded, the outcome, and where to look next.

Not here: how wide text is and where it breaks (columns.py).
"""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from calling_service.runs.case import CaseReport
from calling_service.runs.run import Run
from click import style
from recording.exchange import DecodedToken, Exchange

from flow_explorer.answers import asked_and_answered, keys_caption
from flow_explorer.columns import clean, heading, paragraph, wrapped
from flow_explorer.diagram import Item, draw
from flow_explorer.recorded_run import RecordedRun
from flow_explorer.terminal.message_text import decoded, wire
from flow_explorer.terminal.report import failure, report
from flow_explorer.words import answer, milliseconds

PASSED = style("✓ ", fg="green")
AS_EXPECTED = style("✓ ", fg="green", bold=True)
COLOURS = {"ok": "green", "refused": "red", "unanswered": "red"}  # of responses
FAILED = style("✗ ", fg="red", bold=True)
WITHOUT_PAGE = (
    "The page, the gallery and the checks of the servers are switched off. `EXPLAIN=1 make up` switches"
    " them on; a service without make needs EXPLAIN=1 among its settings."
)


def flow(
    recorded: RecordedRun, url: str, now: datetime, width: int, *, has_page: bool = True, make: str = "make"
) -> Iterator[str]:
    """Yield the lines that show a run; `url` is the public address of the service, which may have no page.

    `make` is the command, with the settings in front of it that this stack needs.
    """
    yield from _steps(recorded, now, width)
    if recorded.run.case:
        yield from _lesson(recorded.run, recorded.run.case, width)
    else:
        yield from report(recorded.run, width)
    yield ""
    yield from heading("Where to look next", width)
    if has_page:
        yield _link("This run, drawn", f"{url}/flow/{recorded.run.id}")
    yield _link("This run as JSON", f"{url}/runs/{recorded.run.id}")
    if has_page:
        yield _link("The gallery: what if?", f"{make} try")
    else:
        yield from paragraph(WITHOUT_PAGE, width)


def _steps(recorded: RecordedRun, now: datetime, width: int) -> Iterator[str]:
    """Yield the lines of each item of the diagram, and each token once, decoded."""
    decoded_before: list[DecodedToken] = []
    for item in draw(recorded).items:
        exchange = recorded.exchanges[item.index]
        if item.step:
            yield from heading(f"{item.step.number}  {item.step.label}", width)
        yield from _item(item, exchange, width)
        token = _token(item, exchange)
        if token and token not in decoded_before:
            decoded_before.append(token)
            yield from decoded(token, now, width)
        if item.kind == "request" and exchange.request.proof:
            yield from decoded(exchange.request.proof, now, width)
        yield ""
        if item.kind == "response" and item.times > 1:
            yield from _alike(recorded.exchanges[item.index + 1 : item.index + item.times], width)


def _link(name: str, target: str) -> str:
    return f"  {name:<23}{style(clean(target), underline=True)}"


def _item(item: Item, exchange: Exchange, width: int) -> Iterator[str]:
    match item.kind:
        case "request":
            yield _arrow(item, "→")
            yield from wire(exchange.request, "cyan", width)
        case "response":
            yield _arrow(item, "→", _elapsed(exchange))
            if exchange.response is None:
                yield from paragraph(item.text, width)
            else:
                yield from wire(exchange.response, COLOURS[item.result], width)
        case "call":
            yield _arrow(item, "⇢", f"  after {milliseconds(item.seconds or 0)}")
            yield from paragraph(item.text, width)
        case "checks":
            yield from _checks(exchange, width)
        case _:
            yield from paragraph(item.text, width)


def _arrow(item: Item, arrow: str, elapsed: str = "") -> str:
    sender = style(item.sender, bold=True)
    receiver = style(item.receiver, bold=True)
    return f"  {sender} {arrow} {receiver}{style(elapsed, dim=True)}"


def _elapsed(exchange: Exchange) -> str:
    text = f"  after {milliseconds(exchange.elapsed)}"
    if exchange.failed_before:
        return f"{text} and {', '.join(exchange.failed_before)}"
    return text


def _checks(exchange: Exchange, width: int) -> Iterator[str]:
    """Yield the answer, what was asked beside what was granted or refused, and each check."""
    yield from paragraph(f"{exchange.receiver}: {exchange.answer}", width)
    for word, members in asked_and_answered(exchange):
        text = "  ".join(f"{name}={value}" for name, value in members)
        first, *others = wrapped(text, width - 13, words=True)
        yield f"    {style(f'{word:<9}', dim=True)}{first}"
        yield from (" " * 13 + line for line in others)
    passed = [check for check in exchange.checks if not check.reason]
    if passed:
        names = ", ".join(f"{check.name} {milliseconds(check.duration)}" for check in passed)
        yield from paragraph(names, width, mark=PASSED)
    keys = keys_caption(exchange)
    if keys:
        yield from paragraph(keys, width)
    if failed := exchange.failed_check:
        yield from paragraph(f"{failed.name}: {failed.reason}", width, mark=FAILED)


def _token(item: Item, exchange: Exchange) -> DecodedToken | None:
    if item.kind == "request":
        return exchange.request.token
    if item.kind == "response" and exchange.response:
        return exchange.response.token
    return None


def _alike(exchanges: Sequence[Exchange], width: int) -> Iterator[str]:
    """Yield one short paragraph for each exchange that looks like the one before it."""
    for exchange in exchanges:
        text = f"{exchange.request.start_line} → {exchange.answer}  "
        if exchange.response:
            text += exchange.response.body
        yield from paragraph(textwrap.shorten(text, 3 * width), width, mark=style("again  ", dim=True))
    yield ""


def _lesson(run: Run, case: CaseReport, width: int) -> Iterator[str]:
    """Yield the lines that say how a case was answered, whether that was expected, and what it teaches."""
    yield from heading(f"The outcome: {case.title}", width)
    answered = "not played to its end"
    if case.answered:
        answered = answer(case.answered)
    if case.as_expected:
        yield from paragraph(f"As expected: {answered}", width, mark=AS_EXPECTED)
    else:
        text = f"Not as expected: {answered}, instead of {answer(case.expected)}"
        yield from paragraph(text, width, mark=FAILED)
    yield from failure(run.error, width)
    yield from paragraph(f"{case.changes} {case.teaches} (See {case.rfc}.)", width)
