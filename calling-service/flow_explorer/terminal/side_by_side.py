"""Two runs side by side as text: what differs, line by line, and what varies or is the same by number."""

from collections.abc import Iterator, Sequence

from click import style

from flow_explorer.columns import heading, paragraph, wrapped
from flow_explorer.comparison.comparing import Part, compare
from flow_explorer.comparison.rows import Row
from flow_explorer.recorded_run import RecordedRun

SIGNS = {"same": "=", "varies": "~", "differs": "≠", "left": "←", "right": "→"}
MARKS = {"left": "only left", "right": "only right"}
PARTS = {"request": "Request", "checks": "Checks", "response": "Response"}
VALUE = 13  # columns in front of a value
ROWS = 60  # of one part that are shown


def side_by_side(left: RecordedRun, right: RecordedRun, width: int) -> Iterator[str]:
    """Yield the lines that compare two runs."""
    for side, recorded in (("left", left), ("right", right)):
        yield from paragraph(_title(recorded), width, mark=style(f"{side:<7}", bold=True))
    yield ""
    for number, pair in enumerate(compare(left, right), start=1):
        mark = "the same"
        if pair.differs:
            mark = "differs"
        yield from heading(f"{number}  {pair.item.sender} → {pair.item.receiver}: {mark}", width)
        for part in pair.parts:
            yield from _part(part, width)
        yield ""


def _title(recorded: RecordedRun) -> str:
    case = recorded.run.case
    if case is None:
        return "The import"
    return f"{case.title}. {case.changes}"


def _part(part: Part, width: int) -> Iterator[str]:
    yield from _row(part.caption, PARTS[part.name], width)
    for row in part.differing[:ROWS]:
        yield from _row(row, _name(row), width)
    hidden = len(part.differing) - ROWS
    if hidden > 0:
        yield from paragraph(f"and {hidden:,} more", width, mark="  ")
    yield from _names("= the same", part.names("same"), width)
    yield from _names("~ varies", part.names("varies"), width)


def _name(row: Row) -> str:
    if not row.name:
        return row.where
    return f"{row.name} ({row.where})"


def _names(what: str, names: Sequence[str], width: int) -> Iterator[str]:
    if names:
        yield from paragraph(f"{what}: {', '.join(names)}", width, mark="  ")


def _row(row: Row, name: str, width: int) -> Iterator[str]:
    mark = MARKS.get(row.mark, row.mark)
    colour = None
    if row.differs:
        colour = "red"
    for line in wrapped(f"{SIGNS[row.mark]} {name}: {mark}", width - 4):
        yield f"  {style(line, fg=colour, bold=True)}"
    if not row.differs:
        yield from _value("", row.left, width)
        return
    yield from _value("left", row.left, width)
    yield from _value("right", row.right, width)


def _value(side: str, value: str | None, width: int) -> Iterator[str]:
    if value is None:
        return
    first, *others = wrapped(value, width - VALUE, words=True)
    yield f"    {style(f'{side:<{VALUE - 4}}', dim=True)}{first}"
    yield from (" " * VALUE + line for line in others)
