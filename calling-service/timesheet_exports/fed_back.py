"""A rejects file that was corrected and is imported again: the columns in front of the export's, its rows.

Not here: how it is written (rejects.py).
"""

import csv
from collections.abc import Sequence
from dataclasses import replace

from timesheet_exports.column_map import folded
from timesheet_exports.csv_rows import SEPARATORS, Cells

REJECT_COLUMNS = ("file", "line", "column", "reason")  # what is wrong with a row, in front of its cells
MADE_ID = "made_id"  # one more, where the export has no ids


def columns_in_front(header: Sequence[str]) -> int:
    """Return how many columns the header of a rejects file has in front; 0 for another file."""
    names = [folded(name) for name in header[: len(REJECT_COLUMNS) + 1]]
    if names[:1] == [MADE_ID]:  # somebody has removed the others
        return 1
    if tuple(names[: len(REJECT_COLUMNS)]) != REJECT_COLUMNS:
        return 0
    return len(REJECT_COLUMNS) + (MADE_ID in names)


def kept_id(row: Cells, front: int) -> str:
    """Return the id that was made for a row when it was rejected; "" if there is none."""
    if front in {0, len(REJECT_COLUMNS)}:
        return ""
    return "".join(row.cells[front - 1 : front]).strip()


def own_cells(row: Cells, front: int, width: int) -> Cells:
    """Return a row without what stands in front, as it was in an export of this width.

    A row that could not be split into cells is one cell here; it may have been corrected within it.
    """
    if front < len(REJECT_COLUMNS):
        return replace(row, cells=row.cells[front:] or row.cells)
    if len(row.cells) < len(REJECT_COLUMNS):
        return row
    cells = row.cells[front:]
    _, _, column, reason = row.cells[: len(REJECT_COLUMNS)]
    if not any(cells[1:]) and not column:
        cells = _split("".join(cells), width)
        if not cells:
            return replace(row, cells=row.cells[front : front + 1], fault=reason)
        return replace(row, cells=cells, fault="")
    if row.fault and len(cells) != width:
        return replace(row, cells=cells, fault=f"has {len(cells)} cells, the header {width}")
    return replace(row, cells=cells)


def _split(line: str, width: int) -> tuple[str, ...]:
    """Return the cells of a line, whatever separates them; none if they are not as many as they should be."""
    for separator in SEPARATORS:
        try:
            cells = next(csv.reader([line], strict=True, delimiter=separator), [])
        except csv.Error:
            continue
        if len(cells) == width:
            return tuple(cells)
    return ()
