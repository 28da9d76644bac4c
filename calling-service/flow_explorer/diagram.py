"""A run as a sequence diagram, from its JSON alone: who takes part, and what is drawn in which order.

The page, Mermaid and the terminal draw from it. Not here: what any of them looks like.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Literal

from recording.redaction import short_tokens
from recording.story import API, AUTHORIZATION_SERVER, CALLING_SERVICE, JOB

from flow_explorer.cached_tokens import cached_tokens
from flow_explorer.verdict import failed_check, outcome
from flow_explorer.words import duration

Document = dict[str, Any]
Kind = Literal["cached", "request", "call", "checks", "response", "omitted"]
Outcome = Literal["ok", "refused", "unanswered"]

ORIGIN = re.compile("https?://[^/ ]*")


@dataclass(frozen=True, slots=True)
class Item:
    """A message's arrow, a server's own call, a note of its checks, or what did not cross the wire."""

    kind: Kind
    sender: str
    receiver: str  # the sender itself: nothing is sent
    text: str
    exchange: int = 0  # its index in the run, or that of the first of `times` that look alike
    times: int = 1
    call: int = 0  # which of the server's own calls
    number: int | None = None  # of the step that begins here
    outcome: Outcome = "ok"
    seconds: float | None = None

    @property
    def id(self) -> str:
        """Name the item within its run, where exchanges count from one."""
        return f"{self.exchange + 1}-{self.kind}" + (f"-{self.call}" if self.call else "")


@dataclass(frozen=True, slots=True)
class Diagram:
    """Participants from left to right, items from top to bottom."""

    participants: tuple[str, ...]
    items: tuple[Item, ...]


def draw(run: Document) -> Diagram:
    """Return the diagram of a run; exchanges that look alike, one after another, share their items."""
    items = tuple(_items(run))
    others = (name for item in items for name in (item.sender, item.receiver))
    return Diagram(tuple(dict.fromkeys((_caller(run), AUTHORIZATION_SERVER, API, *others))), items)


def _items(run: Document) -> Iterator[Item]:
    cached, gap = cached_tokens(run), _gap(run)
    for index, exchanges in _alike(run, gap):
        if index == gap:
            text = f"{run['exchanges_omitted']:,} more exchanges are not kept"
            yield Item("omitted", _caller(run), _caller(run), text, index)
        if (left := cached.get(index)) is not None:
            text = f"No token request: the cached token has {duration(left)} left"
            yield Item("cached", exchanges[0]["from"], AUTHORIZATION_SERVER, text, index, seconds=left)
        yield from _messages(index, exchanges)


def _caller(run: Document) -> str:
    return CALLING_SERVICE if run.get("case") else JOB


def _alike(run: Document, gap: int) -> Iterator[tuple[int, list[Document]]]:
    """Yield the exchanges in groups that look alike, each with the index of its first."""
    pairs = enumerate(run["exchanges"])
    for _, group in groupby(pairs, key=lambda pair: (pair[0] < gap, _look(pair[1]))):
        (index, first), *others = group
        yield index, [first, *(exchange for _, exchange in others)]


def _messages(index: int, exchanges: list[Document]) -> Iterator[Item]:
    """Yield the request, what its receiver asked and checked before it answered, and the response."""
    first = exchanges[0]
    item = partial(Item, exchange=index, times=len(exchanges))
    sender, receiver, checks = first["from"], first["to"], first.get("checks", ())
    asked, examined, answered = (_number(first, part) for part in ("request", "checks", "response"))
    yield item("request", sender, receiver, _sent(first), number=asked)
    for nth, call in enumerate(first.get("calls", ()), start=1):
        text = f"{ORIGIN.sub('', call['request'])} → {call['answer']}"
        yield item("call", receiver, AUTHORIZATION_SERVER, text, call=nth, seconds=call["duration"])
    if checks or examined is not None:
        spent = sum(check["duration"] for check in checks) if checks else None
        came: Outcome = "refused" if failed_check(first) else "ok"
        yield item(
            "checks", receiver, receiver, _checked(first), number=examined, outcome=came, seconds=spent
        )
    number, took = None if answered == asked else answered, sum(each["elapsed"] for each in exchanges)
    yield item(
        "response", receiver, sender, _answered(first), number=number, outcome=_outcome(first), seconds=took
    )


def _number(exchange: Document, part: str) -> int | None:
    """Return the number of the step that the part shows; a step that shows no message is the checks'."""
    return next(
        (step["number"] for step in exchange["steps"] if part in (step["shows"] or ("checks",))), None
    )


def _sent(exchange: Document) -> str:
    return short_tokens(exchange["request"]["start_line"]).removesuffix(" HTTP/1.1")


def _checked(exchange: Document) -> str:
    if failed := failed_check(exchange):
        return f"Refused at the check “{failed['name'].replace('-', ' ')}”"
    labels = (str(step["label"]) for step in exchange["steps"] if not step["shows"])
    of_a_token = exchange["to"] == API and exchange["request"]["token"]
    return next(labels, "The token passes every check" if of_a_token else "Every check passes")


def _answered(exchange: Document) -> str:
    response = exchange["response"]
    if response is None:
        return f"no answer: {exchange['failure']}"
    answer = str(response["start_line"]).removeprefix("HTTP/1.1 ")
    if response["token"]:
        claims = response["token"]["payload"]
        return f"{answer}, a token for {claims.get('aud')} with {claims.get('scope')}"
    error = outcome(exchange)["error"]
    return f"{answer}, {error}" if error else answer


def _outcome(exchange: Document) -> Outcome:
    if exchange["response"] is None:
        return "unanswered"
    return "ok" if exchange["status"] < 400 else "refused"


def _look(exchange: Document) -> str:
    """Return all of an exchange that its items show, but for times."""
    failed = failed_check(exchange)
    called = [(call["request"], call["answer"]) for call in exchange.get("calls", ())]
    shown = (exchange["steps"], _sent(exchange), _answered(exchange), exchange["request"]["token"], called)
    return json.dumps([exchange["from"], exchange["to"], shown, failed and failed["name"]])


def _gap(run: Document) -> int:
    """Return the index before which exchanges were left out, which the history does in the middle."""
    kept = len(run["exchanges"])
    return kept // 2 if run.get("exchanges_omitted") else kept
