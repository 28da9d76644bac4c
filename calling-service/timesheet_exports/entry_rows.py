"""The rows of an export as a column map reads them: the entry in each, or what keeps the API from booking it.

Not here: CSV (csv_rows.py); which rows repeat each other (ledger.py), or contradict what the API has booked.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TextIO

from timesheet_exports.cells import CellError, identifier, project, require_text, text_of, user_id
from timesheet_exports.column_map import ColumnMap, fitting, folded
from timesheet_exports.csv_rows import Cells, read_rows, separator_of
from timesheet_exports.dates import FORM, OTHER_ORDER, in_another_order, iso_date
from timesheet_exports.durations import Hours, hours_of
from timesheet_exports.entry_ids import IdMaker, likeness
from timesheet_exports.fed_back import columns_in_front, kept_id, own_cells
from timesheet_exports.text_file import ExportError

Problem = tuple[str, str]  # a field of the entry, or "" for the whole row; and the reason
CellsOf = Callable[[Sequence[str]], Sequence[str]]


OTHER_HEADER = "stands under another header than the first rows; put these rows into a file of their own"


class HeaderError(ExportError):
    """The file is not an export: what is wrong with its first row."""


class Entry(NamedTuple):
    """One time entry as the API accepts it; hours are a decimal string."""

    external_id: str
    user_id: str
    date: str
    project: str
    hours: str


class Row(NamedTuple):
    """One row of a file, with its first line's number; without an entry, it has problems."""

    line: int
    cells: tuple[str, ...]
    entry: Entry | None
    problems: tuple[Problem, ...] = ()
    entry_id: str = ""  # if it is known, also without an entry
    likeness: int = 0  # of the entry, its id apart
    rounded: float = 0.0  # hours that rounding has added


def read_entry_rows(file: TextIO, column_map: ColumnMap) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Return the names of the columns, and the rows that follow; raise HeaderError if a column is missing.

    The file is an export, or a rejects file, of which the columns in front are left out. It is as
    `opened_export` opens it.
    """
    separator = separator_of(file)
    rows = read_rows(file, separator)
    first = next(rows, Cells(1, ()))
    if first.fault:
        raise HeaderError(first.fault)
    front = columns_in_front(first.cells)
    header = first.cells[front:]
    _require(header, column_map)
    reader = _Reader(header, column_map)
    if column_map.order in OTHER_ORDER and not front:
        reader.require_order(rows)  # of all rows: in a wrong order, some dates would be other days
        file.seek(0)
        rows = read_rows(file, separator)
        next(rows)
    return header, reader.rows(rows, front)


def _require(header: Sequence[str], column_map: ColumnMap) -> None:
    missing = column_map.missing(header)
    if not missing:
        return
    reason = f"must name each of these columns once: {', '.join(missing)}"
    other = fitting(header)
    if other:
        reason += f"; its columns are those of another export format: set EXPORT_FORMAT to {other}"
    raise HeaderError(reason)


class _Reader:
    """Reads the rows under one header."""

    def __init__(self, header: Sequence[str], column_map: ColumnMap) -> None:
        names = [folded(name) for name in header]
        positions = {
            field: [names.index(folded(name)) for name in columns]
            for field, columns in column_map.columns.items()
        }
        cells = {field: _getter(of) for field, of in positions.items()}
        told_apart_by = [folded(name) for name in column_map.told_apart_by]
        self._map = column_map
        self._names = names
        self._width = len(header)
        self._cells = cells
        self._fields: tuple[tuple[str, CellsOf, Callable[[Sequence[str]], Any]], ...] = (
            ("external_id", cells["external_id"], self._id),
            ("user_id", cells["user_id"], lambda cells: user_id(" ".join(cells))),
            ("date", cells["date"], self._date),
            ("project", cells["project"], lambda cells: project(" ".join(cells))),
            ("hours", cells["hours"], self._hours),
        )
        self._told_apart_by = _getter([names.index(name) for name in told_apart_by if name in names])
        self._ids = IdMaker(column_map)
        self._id_pattern = re.compile(column_map.id_pattern)
        self._in_id: set[str] = set()  # the fields of which an id is made
        if column_map.makes_ids:
            made_of = set(positions.pop("external_id"))
            self._in_id = {field for field, of in positions.items() if made_of.issuperset(of)}

    def rows(self, rows: Iterable[Cells], front: int) -> Iterator[Row]:
        """Yield the rows, without sums and repeated headers; `front` columns are not the export's."""
        fault = ""  # of all rows that follow
        for whole in rows:
            row = whole
            if front:
                row = own_cells(whole, front, self._width)
            if self._is_total(row.cells):
                continue
            found = self._row(row, kept_id(whole, front), row.fault or fault)
            if found.problems and not self._map.missing(
                row.cells
            ):  # a header, as where two files were joined
                if [folded(name) for name in row.cells] == self._names:
                    fault = ""
                    continue
                fault = OTHER_HEADER
                found = Row(row.line, row.cells, None, (("", fault),))
            yield found

    def require_order(self, rows: Iterable[Cells]) -> None:
        """Raise HeaderError if the dates are in another order than the map has it."""
        dates = (text_of(self._cells["date"](row.cells)[0]) for row in rows if not row.fault)
        strange = in_another_order(dates, self._map.order)
        if strange:
            form = FORM[self._map.order]
            raise HeaderError(f"has dates such as {strange}, and the export format has the order of {form}")

    def _is_total(self, cells: Sequence[str]) -> bool:
        """Return whether these are sums of other rows: nobody's hours, on no day, for no project."""
        label = self._map.totals
        if label is None or len(cells) != self._width:
            return False
        blank = {"", label}
        names = [cell for field in ("date", "user_id", "project") for cell in self._cells[field](cells)]
        return blank.issuperset(map(folded, names)) and label in map(folded, cells)

    def _row(self, row: Cells, kept: str, fault: str) -> Row:
        if fault:
            return Row(row.line, row.cells, None, (("", fault),))
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        for field, cells, value in self._fields:
            try:
                values[field] = value(cells(row.cells))
            except CellError as error:
                problems.append((field, str(error)))
        if self._ids.is_made(kept):
            values["external_id"] = kept
        elif not self._in_id <= values.keys():
            values["external_id"] = ""  # made of a cell whose correction will change it
        entry_id = values.get("external_id", "")
        if problems:
            return Row(row.line, row.cells, None, tuple(problems), entry_id)
        hours: Hours = values["hours"]
        values["hours"] = hours.text
        entry = Entry(**values)
        cells_alike = (entry.user_id, entry.project, *self._told_apart_by(row.cells))
        canonical = f"{entry.date} {entry.hours}"
        alike = likeness(cells_alike, canonical, self._map.order)
        return Row(row.line, row.cells, entry, (), entry_id, alike, hours.rounded)

    def _date(self, cells: Sequence[str]) -> str:
        return iso_date(text_of(cells[0]), self._map.order)

    def _hours(self, cells: Sequence[str]) -> Hours:
        return hours_of(text_of(cells[0]), self._map.units, self._map.rounding)

    def _id(self, cells: Sequence[str]) -> str:
        if self._map.makes_ids:
            return self._ids.next_id(cells)
        value = require_text("external_id", identifier(cells[0]))
        if not self._id_pattern.fullmatch(value):
            raise CellError(f"{value} is not an id of this tool; a spreadsheet may have changed it")
        return value


def _getter(positions: Sequence[int]) -> CellsOf:
    """Return a function that returns the cells at these positions."""
    if not positions:
        return lambda _: ()
    if len(positions) == 1:
        position = positions[0]
        return itemgetter(slice(position, position + 1))
    return itemgetter(*positions)
