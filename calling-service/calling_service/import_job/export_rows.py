"""The tool's CSV export, row by row: what the API would take, and what it would not, and why.

Not here: CSV (csv_rows.py); which rows repeat one another (ledger.py), or contradict what the API has booked.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TextIO

from calling_service.import_job.csv_rows import Cells, read_rows, separator_of

COLUMNS = {  # of the API's entry, the export's
    "external_id": "entry_id",
    "user_id": "Employee Id",
    "date": "Date",
    "project": "Project",
    "hours": "Hours",
}
DATE, HOURS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")


class ExportError(Exception):
    """The file is no export: what is wrong with its first line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One time entry as the API takes it; hours are a decimal string."""

    external_id: str
    user_id: str
    date: str
    project: str
    hours: str

    def as_json(self) -> dict[str, str]:
        """Return the entry as a member of the upload's body."""
        return {field: getattr(self, field) for field in COLUMNS}


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not booked: where it stands, and what has to be changed."""

    file: str
    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an export, with its first line's number; `problems` are pairs of column and reason."""

    line: int
    cells: tuple[str, ...]
    entry: Entry | None
    problems: tuple[tuple[str, str], ...] = ()


def read_export(file: TextIO) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Return the names of the columns, and the rows that follow; raise ExportError if a column is missing.

    The file is opened with newline="" and errors="surrogateescape".
    """
    separator = separator_of(file)
    rows = read_rows(file, separator)
    header = _header(next(rows, Cells(1, ())))
    # Where semicolons separate, hours have a decimal comma.
    return header, (
        _row(row, header, decimal_comma=separator == ";") for row in rows if row.cells or row.fault
    )


def _header(row: Cells) -> tuple[str, ...]:
    if row.fault:
        raise ExportError(row.fault)
    header = tuple(name.strip() for name in row.cells)
    if missing := [column for column in COLUMNS.values() if header.count(column) != 1]:
        raise ExportError(f"must name each of these columns once: {', '.join(missing)}")
    return header


def _row(row: Cells, header: tuple[str, ...], *, decimal_comma: bool) -> Row:
    if row.fault:
        return Row(row.line, row.cells, None, (("", row.fault),))
    by_name = dict(zip(header, map(str.strip, row.cells), strict=True))
    values = {field: by_name[column] for field, column in COLUMNS.items()}
    if decimal_comma:
        values["hours"] = values["hours"].replace(",", ".")
    problems = tuple(
        (COLUMNS[field], reason) for field, check in CHECKS.items() if (reason := check(values[field]))
    )
    return Row(row.line, row.cells, None if problems else Entry(**values), problems)


def _text(longest: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        if not value:
            return "is empty"
        if not value.isprintable():
            bad_bytes = any("\udc80" <= char <= "\udcff" for char in value)
            return "is not UTF-8" if bad_bytes else "contains a character that cannot be printed"
        return f"is longer than {longest} characters" if len(value) > longest else None

    return check


def _date(value: str) -> str | None:
    if not DATE.fullmatch(value):
        return "is no date of the form 2026-11-09" if value else "is empty"
    try:
        date.fromisoformat(value)
    except ValueError:
        return f"{value} does not exist"
    return None


def _hours(value: str) -> str | None:
    if not HOURS.fullmatch(value):
        return "is no number with at most two decimals" if value else "is empty"
    if not 0 < Decimal(value) <= 24:
        return f"{value} is not more than 0 and at most 24"
    return None


CHECKS: dict[str, Callable[[str], str | None]] = {
    "external_id": _text(64),
    "user_id": _text(64),
    "date": _date,
    "project": _text(100),
    "hours": _hours,
}
