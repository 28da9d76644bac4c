"""A run as a sequence diagram: who takes part, and what is drawn in which order.

The page, Mermaid and the terminal draw it. Not here: what an item says (answers.py), how it looks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Literal

from recording.exchange import Exchange, Step
from recording.story import API, AUTHORIZATION_SERVER, CALLING_SERVICE, JOB

from flow_explorer.answers import checks_caption, request_caption, response_caption
from flow_explorer.cached_tokens import cached_tokens
from flow_explorer.recorded_run import RecordedRun
from flow_explorer.words import duration

ORIGIN = re.compile("https?://[^/ ]*")

Kind = Literal["cached", "request", "call", "checks", "response", "omitted"]
Result = Literal["ok", "refused", "unanswered"]


@dataclass(frozen=True, slots=True)
class Item:
    """An arrow for a message or a server's own call, or a note of checks or of what was not sent."""

    kind: Kind
    sender: str
    receiver: str  # the sender itself where nothing is sent
    text: str
    index: int = 0  # of its exchange in the run, or of the first of `times` that look alike
    times: int = 1
    call: int = 0  # the number of the server's own call, from one
    step: Step | None = None  # that begins here
    result: Result = "ok"
    seconds: float | None = None

    @property
    def ids(self) -> list[str]:
        """Return the item's name within its run, for each exchange that it stands for."""
        suffix = f"-{self.call}" if self.call else ""
        numbers = range(self.index + 1, self.index + self.times + 1)
        return [f"{number}-{self.kind}{suffix}" for number in numbers]

    @property
    def id(self) -> str:
        """Return the item's name for the first of its exchanges."""
        return self.ids[0]


@dataclass(frozen=True, slots=True)
class Diagram:
    """Participants from left to right, items from top to bottom."""

    participants: tuple[str, ...]
    items: tuple[Item, ...]


def draw(recorded: RecordedRun) -> Diagram:
    """Return the diagram of a run; exchanges in a row that look alike share their items."""
    items = tuple(_items(recorded))
    names = [_caller(recorded), AUTHORIZATION_SERVER, API]
    for item in items:
        names += [item.sender, item.receiver]
    return Diagram(tuple(dict.fromkeys(names)), items)


def _caller(recorded: RecordedRun) -> str:
    return CALLING_SERVICE if recorded.run.case else JOB


def _items(recorded: RecordedRun) -> Iterator[Item]:
    cached = cached_tokens(recorded)
    exchanges = recorded.exchanges
    if not recorded.exchanges_omitted:
        yield from _grouped(exchanges, 0, cached)
        return
    middle = len(exchanges) // 2  # where the history omits exchanges
    yield from _grouped(exchanges[:middle], 0, cached)
    text = f"{recorded.exchanges_omitted:,} more exchanges are not kept"
    yield Item("omitted", _caller(recorded), _caller(recorded), text, middle)
    yield from _grouped(exchanges[middle:], middle, cached)


def _grouped(exchanges: Sequence[Exchange], index: int, cached: Mapping[int, float]) -> Iterator[Item]:
    """Yield the items of exchanges, from the one with this index on; alike ones in a row share items."""
    for _, group in groupby(exchanges, key=_look):
        alike = list(group)
        if index in cached:
            text = f"No token request: the cached token has {duration(cached[index])} left"
            yield Item("cached", alike[0].sender, AUTHORIZATION_SERVER, text, index, seconds=cached[index])
        elapsed = sum(exchange.elapsed for exchange in alike)
        item = partial(Item, index=index, times=len(alike))
        yield from _items_of(alike[0], elapsed, item)
        index += len(alike)


def _look(exchange: Exchange) -> tuple[object, ...]:
    """Return everything that the items of an exchange show, except times."""
    called = [(call.request, call.answer) for call in exchange.calls]
    captions = (request_caption(exchange), checks_caption(exchange), response_caption(exchange))
    return exchange.sender, exchange.receiver, exchange.steps, captions, exchange.request.token, called


def _items_of(exchange: Exchange, elapsed: float, item: partial[Item]) -> Iterator[Item]:
    """Yield the request, the calls and the checks that its receiver made, and the response."""
    sender = exchange.sender
    receiver = exchange.receiver
    asking = _step(exchange, "request")
    checking = _step(exchange, "checks")
    answering = _step(exchange, "response")
    if answering == asking:
        answering = None  # the step began with the request
    yield item("request", sender, receiver, request_caption(exchange), step=asking)
    for number, call in enumerate(exchange.calls, start=1):
        text = f"{ORIGIN.sub('', call.request)} → {call.answer}"
        yield item("call", receiver, AUTHORIZATION_SERVER, text, call=number, seconds=call.duration)
    if exchange.checks or checking:
        yield _checks(exchange, checking, item)
    text = response_caption(exchange)
    result = _result(exchange)
    yield item("response", receiver, sender, text, step=answering, result=result, seconds=elapsed)


def _checks(exchange: Exchange, step: Step | None, item: partial[Item]) -> Item:
    receiver = exchange.receiver
    note = item("checks", receiver, receiver, checks_caption(exchange), step=step)
    if not exchange.checks:
        return note
    result: Result = "refused" if exchange.failed_check else "ok"
    return replace(note, result=result, seconds=sum(check.duration for check in exchange.checks))


def _step(exchange: Exchange, part: str) -> Step | None:
    """Return the step that the part shows; a step that shows no message belongs to the checks."""
    steps = (step for step in exchange.steps if part in (step.shows or ("checks",)))
    return next(steps, None)


def _result(exchange: Exchange) -> Result:
    if exchange.status is None:
        return "unanswered"
    if exchange.status < 400:
        return "ok"
    return "refused"
