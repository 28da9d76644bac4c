"""Two lines as one row, with a mark that says how they differ, and rows that are shown as one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from textwrap import shorten
from typing import Literal

from flow_explorer.comparison.apart import Pieces, apart, in_common
from flow_explorer.comparison.lines import CHECKS, PASSED, REMEMBERED, Key, Line, by_key
from flow_explorer.comparison.pairing import paired
from flow_explorer.words import short_tokens

LONGEST = 400  # characters of a value that are shown
BEFORE = 40  # of these, before the first difference
SHORT = 120  # characters of the names of lines that are shown as one
FEW = 4  # lines that one side alone has and that are shown one by one, where the sides have none in common

Mark = Literal["same", "varies", "differs", "left", "right"]  # the last two: only there
QUIET = frozenset({"same", "varies"})


@dataclass(frozen=True, slots=True)
class Row:
    """One line on both sides; None where a side has no such line."""

    where: str
    name: str
    left: str | None
    right: str | None
    mark: Mark

    @property
    def differs(self) -> bool:
        """Return whether the sides say something else."""
        return self.mark not in QUIET

    @property
    def pieces(self) -> tuple[Pieces | None, Pieces | None]:
        """Return the text of each side in pieces, of which the second differs."""
        return _pieces(self.left, self.right), _pieces(self.right, self.left)


def row(left: Line | None, right: Line | None) -> Row:
    """Return two lines of one name as a row; None where a side has none."""
    line = left or right
    if line is None:
        raise LookupError
    here, there = _shown(_value(left), _value(right))
    return Row(line.where, line.name, here, there, _mark(left, right))


def rows(left: Sequence[Line], right: Sequence[Line]) -> list[Row]:
    """Return the lines of both sides as rows, those of one name together."""
    here = by_key(left)
    there = by_key(right)
    found = [row(one, other) for _, one, other in paired(here, there)]
    if any(Key(CHECKS, REMEMBERED) in side for side in (here, there)):
        found = [_with_memory(each) for each in found]
    groups = groupby(found, key=attrgetter("where"))
    return [each for _, group in groups for each in _shortened(list(group))]


def _value(line: Line | None) -> str | None:
    if line is None:
        return None
    return line.value


def _mark(left: Line | None, right: Line | None) -> Mark:
    if right is None:
        return "left"
    if left is None:
        return "right"
    if left.essence != right.essence:
        return "differs"
    if left.value != right.value:
        return "varies"
    return "same"


def _with_memory(each: Row) -> Row:
    """Return a check as one that varies if one side did not make it because it passed there before."""
    if each.where == CHECKS and {each.left, each.right} == {None, PASSED}:
        return replace(each, mark="varies")
    return each


def _shortened(group: list[Row]) -> Iterator[Row]:
    """Yield the rows of one place; where the sides have no line in common, many of one side as one row."""
    if group[0].where == CHECKS or not all(each.mark in {"left", "right"} for each in group):
        yield from group
        return
    for mark in ("left", "right"):
        alone = [each for each in group if each.mark == mark]
        if len(alone) > FEW:
            alone = [_as_one(alone)]
        yield from alone


def _as_one(alone: Iterable[Row]) -> Row:
    first, *others = alone
    names = ", ".join(each.name for each in (first, *others))
    text = shorten(f"{len(others) + 1} members: {names}", SHORT, placeholder=" …")
    side = {first.mark: text}
    return Row(first.where, "", side.get("left"), side.get("right"), first.mark)


def _pieces(text: str | None, other: str | None) -> Pieces | None:
    if text is None:
        return None
    if other is None:
        return Pieces(text, "", "")
    return apart(text, other)


def _shown(left: str | None, right: str | None) -> tuple[str | None, str | None]:
    """Return two values as they are shown; of long ones, what is around their first difference."""
    start = 0
    here = left and short_tokens(left)
    there = right and short_tokens(right)
    if here and there and here != there:
        start = max(0, in_common(here, there) - BEFORE)
    return here and _excerpt(here, start), there and _excerpt(there, start)


def _excerpt(text: str, start: int) -> str:
    if len(text) <= LONGEST:
        return text
    shown = text[start : start + LONGEST]
    if start:
        shown = f"…{shown}"
    if start + LONGEST < len(text):
        shown = f"{shown}…"
    return shown
