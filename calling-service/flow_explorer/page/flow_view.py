"""What the page shows of one run: its diagram, and one item of it opened, with everything known about it.

Not here: HTML (templates), addresses (endpoints.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recording.exchange import Exchange, Message
from recording.server_timing import Check

from flow_explorer.answers import Members, asked_and_answered, keys_caption
from flow_explorer.claims import Claim, checks_of, claims, proof_claims
from flow_explorer.diagram import Diagram, Item, draw
from flow_explorer.meanings import Meaning, meaning_of
from flow_explorer.page.wire import Line, lines
from flow_explorer.recorded_run import RecordedRun


@dataclass(frozen=True, slots=True)
class Pane:
    """An opened item of the diagram, with the parts of its exchange that belong to it; others are empty."""

    item: Item
    title: str
    url: str
    alike: Sequence[str]  # the ids of all items that are drawn as this one
    lines: Sequence[Line] = ()
    shortened: int | None = None  # bytes of a body that is not shown whole
    claims: Sequence[Claim] = ()
    proof: Sequence[Claim] = ()  # of a DPoP key
    asked: Sequence[tuple[str, Members]] = ()
    checks: Sequence[tuple[Check, Meaning | None]] = ()
    keys: str | None = None  # where the key of a verified token came from
    failed_before: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FlowView:
    """The diagram and the opened item; `pane` is None while nothing has crossed the wire."""

    diagram: Diagram
    pane: Pane | None = None
    position: int = 0  # of the opened item, from one
    previous: str | None = None
    next: str | None = None


def view(recorded: RecordedRun, item_id: str | None, now: datetime) -> FlowView | None:
    """Return the run with this item opened, or with its first refusal; None if it has no such item."""
    diagram = draw(recorded)
    if not diagram.items and item_id is None:
        return FlowView(diagram)
    place = _place(diagram.items, item_id)
    if place is None:
        return None
    position, index = place
    ids = [None, *(item.id for item in diagram.items), None]
    pane = _pane(recorded, diagram.items[position], index, now)
    return FlowView(diagram, pane, position + 1, previous=ids[position], next=ids[position + 2])


def _place(items: Sequence[Item], item_id: str | None) -> tuple[int, int] | None:
    """Return the position of an item in the diagram and the index of its exchange."""
    if item_id is None:
        refused = (position for position, item in enumerate(items) if item.result != "ok")
        position = next(refused, 0)
        return position, items[position].index
    for position, item in enumerate(items):
        if item_id in item.ids:
            return position, item.index + item.ids.index(item_id)
    return None


def _pane(recorded: RecordedRun, drawn: Item, index: int, now: datetime) -> Pane:
    exchange = recorded.exchanges[index]
    item = replace(drawn, index=index, times=1)
    title = item.step.label if item.step else item.text
    pane = Pane(item, title, exchange.url, alike=drawn.ids)
    match item.kind:
        case "request":
            return _with_message(pane, exchange.request, exchange.checks, now)
        case "response":
            return _with_response(pane, recorded, exchange, now)
        case "call":
            return replace(pane, url=exchange.calls[item.call - 1].request)
        case "checks":
            meanings = [meaning_of(f"check of {item.receiver}", check.name) for check in exchange.checks]
            checks = list(zip(exchange.checks, meanings, strict=True))
            keys = keys_caption(exchange)
            return replace(pane, asked=asked_and_answered(exchange), checks=checks, keys=keys)
        case "cached" if exchange.request.token:
            return replace(pane, claims=claims(exchange.request.token, exchange.checks, now))
    return pane


def _with_response(pane: Pane, recorded: RecordedRun, exchange: Exchange, now: datetime) -> Pane:
    item = replace(pane.item, seconds=exchange.elapsed)  # the drawn item has the time of all that look alike
    pane = replace(pane, item=item, failed_before=exchange.failed_before)
    message = exchange.response
    if message is None:
        return pane
    return _with_message(pane, message, checks_of(message.token, recorded), now)


def _with_message(pane: Pane, message: Message, checks: Sequence[Check], now: datetime) -> Pane:
    pane = replace(pane, lines=list(lines(message)))
    if message.body_shortened:
        pane = replace(pane, shortened=message.body_size)
    if message.token:
        pane = replace(pane, claims=claims(message.token, checks, now))
    if message.proof:
        pane = replace(pane, proof=proof_claims(message.proof, checks, now))
    return pane
