"""What the page shows of one run: its diagram, and one item of it opened, with all that is known of it.

Not here: HTML (templates), addresses (page.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flow_explorer.claims import Claim, checks_of, claims
from flow_explorer.diagram import Diagram, Item, draw
from flow_explorer.meanings import Meaning, meaning
from flow_explorer.page.wire import Line, lines
from flow_explorer.verdict import Members, asked_and_answered

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """A check that a server made, and what it is for."""

    name: str
    seconds: float
    reason: str | None  # it failed
    meaning: Meaning | None


@dataclass(frozen=True, slots=True)
class Pane:
    """An item of the diagram, opened: of its exchange what belongs to the item, all else empty."""

    item: Item
    step: str  # in words
    url: str
    alike: Sequence[str]  # the ids of the items that are drawn as this one, itself among them
    lines: Sequence[Line] = ()
    shortened: int | None = None  # bytes of the body, of which not all are shown
    claims: Sequence[Claim] = ()
    asked: Sequence[tuple[str, Members]] = ()
    checks: Sequence[Check] = ()
    failed_before: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FlowView:
    """The diagram, and where its reader is; `pane` is None while nothing has crossed the wire."""

    diagram: Diagram
    pane: Pane | None
    position: int  # of the item, from one
    previous: str | None
    next: str | None


def view(run: Document, step: str | None, now: datetime) -> FlowView | None:
    """Return the run with the item of that id opened (None: a telling one); None if it has no such item."""
    drawn = draw(run)
    if not drawn.items and step is None:
        return FlowView(drawn, None, 0, None, None)
    found = _find(drawn.items, step) if step else _telling(drawn.items)
    if found is None:
        return None
    position, exchange = found
    before, after = drawn.items[:position], drawn.items[position + 1 :]
    return FlowView(
        drawn,
        _pane(run, drawn.items[position], exchange, now),
        position + 1,
        before[-1].id if before else None,
        after[0].id if after else None,
    )


def _find(items: Sequence[Item], step: str) -> tuple[int, int] | None:
    """Return an item's place in the diagram and the index of its exchange, which others are drawn with."""
    for position, item in enumerate(items):
        for exchange in _exchanges(item):
            if replace(item, exchange=exchange).id == step:
                return position, exchange
    return None


def _exchanges(item: Item) -> range:
    return range(item.exchange, item.exchange + item.times)


def _telling(items: Sequence[Item]) -> tuple[int, int]:
    """Return where things went wrong, or else where they began."""
    refused = (place for place, item in enumerate(items) if item.outcome != "ok")
    position = next(refused, 0)
    return position, items[position].exchange


def _pane(run: Document, item: Item, index: int, now: datetime) -> Pane:
    exchange = run["exchanges"][index]
    alike = [replace(item, exchange=each).id for each in _exchanges(item)]
    labels = (step["label"] for step in exchange["steps"] if step["number"] == item.number)
    seconds = exchange["elapsed"] if item.kind == "response" else item.seconds  # not of all that look alike
    item = replace(item, exchange=index, seconds=seconds)
    pane = Pane(item, next(labels, item.text), exchange["url"], alike)
    match item.kind:
        case "request" | "response" if message := exchange[item.kind]:
            return _message(pane, run, exchange, message, now)
        case "call":
            return replace(pane, url=exchange["calls"][item.call - 1]["request"])
        case "checks":
            checks = [_check(item.receiver, check) for check in exchange.get("checks", ())]
            return replace(pane, asked=asked_and_answered(exchange), checks=checks)
        case "cached":
            token = exchange["request"]["token"]
            return replace(pane, claims=claims(token, exchange.get("checks", ()), now))
    return pane


def _message(pane: Pane, run: Document, exchange: Document, message: Document, now: datetime) -> Pane:
    sent, token = pane.item.kind == "request", message["token"]
    verified = exchange.get("checks", ()) if sent else checks_of(token, run)
    return replace(
        pane,
        lines=list(lines(message)),
        shortened=message["body_size"] if message["body_shortened"] else None,
        claims=claims(token, verified, now) if token else (),
        failed_before=() if sent else exchange["failed_before"],
    )


def _check(server: str, check: Document) -> Check:
    told = meaning("check", check["name"], of=server)
    return Check(check["name"], check["duration"], check["reason"], told)
