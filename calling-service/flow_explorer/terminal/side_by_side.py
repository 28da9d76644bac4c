"""Two runs side by side as text: what differs, line by line, and what varies or is the same by number."""

from collections.abc import Iterator

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
        case = recorded.run.case
        title = f"{case.title}. {case.changes}" if case else "The import"
        yield from paragraph(title, width, mark=style(f"{side:<7}", bold=True))
    yield ""
    for number, pair in enumerate(compare(left, right), start=1):
        mark = "differs" if pair.differs else "the same"
        text = f"{number}  {pair.item.sender} → {pair.item.receiver}: {mark}"
        yield from heading(text, width)
        for part in pair.parts:
            yield from _part(part, width)
        yield ""


def _part(part: Part, width: int) -> Iterator[str]:
    yield from _row(part.caption, PARTS[part.name], width)
    for row in part.differing[:ROWS]:
        name = f"{row.name} ({row.where})" if row.name else row.where
        yield from _row(row, name, width)
    if hidden := len(part.differing[ROWS:]):
        yield from paragraph(f"and {hidden:,} more", width, mark="  ")
    if same := part.names("same"):
        yield from paragraph(f"= the same: {', '.join(same)}", width, mark="  ")
    if varies := part.names("varies"):
        yield from paragraph(f"~ varies: {', '.join(varies)}", width, mark="  ")


def _row(row: Row, name: str, width: int) -> Iterator[str]:
    mark = MARKS.get(row.mark, row.mark)
    colour = "red" if row.differs else None
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
