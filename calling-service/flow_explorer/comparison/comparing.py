"""Two runs compared: arrow by arrow in pairs, and in each pair line by line, with a mark for what differs.

Not here: which belong together (pairing.py), what a line says (lines.py, essence.py), its mark (rows.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recording.exchange import Exchange

from flow_explorer.answers import checks_caption, request_caption, response_caption
from flow_explorer.comparison import essence
from flow_explorer.comparison.lines import Line, of_checks, of_message
from flow_explorer.comparison.pairing import TOKEN_REQUEST, Place, Role, aligned, role
from flow_explorer.comparison.rows import Mark, Row, row, rows
from flow_explorer.diagram import Item, draw
from flow_explorer.recorded_run import RecordedRun

PartName = Literal["request", "checks", "response"]
PARTS: tuple[PartName, ...] = ("request", "checks", "response")


@dataclass(frozen=True, slots=True)
class Part:
    """A request, a response, or the checks in between: a caption for each side, and their lines."""

    name: PartName
    caption: Row
    rows: Sequence[Row] = ()

    @property
    def differing(self) -> list[Row]:
        """Return the lines that say something else, or that one side alone has."""
        return [row for row in self.rows if row.differs]

    @property
    def differs(self) -> bool:
        """Return whether the sides say something else."""
        return self.caption.differs or bool(self.differing)

    def names(self, mark: Mark) -> list[str]:
        """Return the names of the lines with this mark, each once."""
        return list(dict.fromkeys(row.name for row in self.rows if row.mark == mark))


@dataclass(frozen=True, slots=True)
class Pair:
    """An exchange on each side, or a token request that was not sent; None where a side has none."""

    left: Item | None
    right: Item | None
    parts: Sequence[Part]

    @property
    def item(self) -> Item:
        """Return the item that says who sends to whom."""
        item = self.left or self.right
        if item is None:
            raise LookupError
        return item

    @property
    def differs(self) -> bool:
        """Return whether any part says something else, or one side alone has the exchange."""
        return any(part.differs for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Side:
    """A part on one side."""

    caption: Line
    lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class _Arrow:
    item: Item
    role: Role
    parts: Mapping[PartName, _Side]


def compare(left: RecordedRun, right: RecordedRun) -> list[Pair]:
    """Return the exchanges of two runs in pairs, compared; exchanges in a row that look alike count once."""
    here = list(_arrows(left))
    there = list(_arrows(right))
    places = aligned([arrow.role for arrow in here], [arrow.role for arrow in there])
    return [_pair(_at(here, one), _at(there, other)) for one, other in places]


def _at(arrows: Sequence[_Arrow], place: Place) -> _Arrow | None:
    if place is None:
        return None
    return arrows[place]


def _arrows(recorded: RecordedRun) -> Iterator[_Arrow]:
    for item in draw(recorded).items:
        if item.kind == "request":
            exchange = recorded.exchanges[item.index]
            yield _Arrow(item, role(exchange), dict(_sides(item, exchange)))
        elif item.kind == "cached":
            yield _not_sent(item, TOKEN_REQUEST)
        elif item.kind == "omitted":
            yield _not_sent(item, (item.receiver, "", item.kind))


def _not_sent(item: Item, purpose: Role) -> _Arrow:
    caption = Line("", "", item.text, item.kind)  # the time or the number in the text varies
    return _Arrow(item, purpose, {"request": _Side(caption)})


def _sides(item: Item, exchange: Exchange) -> Iterator[tuple[PartName, _Side]]:
    sent = exchange.started_at.timestamp()
    times = ""
    if item.times > 1:
        times = f", {item.times} times"
    what = essence.of_text(exchange.request.start_line) + times
    caption = Line("", "", request_caption(exchange) + times, what)
    yield "request", _Side(caption, of_message(exchange.request, sent))
    if exchange.checks or exchange.calls:
        text = checks_caption(exchange)
        yield "checks", _Side(Line("", "", text, text), of_checks(exchange))
    text = response_caption(exchange)
    lines: Sequence[Line] = ()
    if exchange.response:
        lines = of_message(exchange.response, sent)
    yield "response", _Side(Line("", "", text, text), lines)


def _pair(left: _Arrow | None, right: _Arrow | None) -> Pair:
    here = _parts(left)
    there = _parts(right)
    names = [name for name in PARTS if name in here or name in there]
    parts = [_part(name, here.get(name), there.get(name)) for name in names]
    return Pair(_item(left), _item(right), parts)


def _item(arrow: _Arrow | None) -> Item | None:
    if arrow is None:
        return None
    return arrow.item


def _parts(arrow: _Arrow | None) -> Mapping[PartName, _Side]:
    if arrow is None:
        return {}
    return arrow.parts


def _part(name: PartName, left: _Side | None, right: _Side | None) -> Part:
    caption = row(_caption(left), _caption(right))
    if left and right and left.lines and right.lines:
        return Part(name, caption, rows(left.lines, right.lines))
    return Part(name, caption)  # the lines of one side alone would say no more than the caption


def _caption(side: _Side | None) -> Line | None:
    if side is None:
        return None
    return side.caption
