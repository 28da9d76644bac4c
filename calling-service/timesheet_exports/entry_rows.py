"""The rows of the tool's CSV export: the entry in each, or what keeps the API from booking it.

Not here: CSV (csv_rows.py); which rows repeat each other (ledger.py), or contradict what the API has booked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TextIO

from timesheet_exports import names
from timesheet_exports.csv_rows import Cells, read_rows, separator_of
from timesheet_exports.text_file import NOT_UTF_8, ExportError, not_utf_8

COLUMNS = {  # the column of each field of the API's entry
    "external_id": "entry_id",
    "user_id": "Employee Id",
    "date": "Date",
    "project": "Project",
    "hours": "Hours",
}
LONGEST = {"external_id": 64, "user_id": 64, "project": 100}  # characters
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HOURS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")

Problem = tuple[str, str]  # column and reason


class HeaderError(ExportError):
    """The file is not an export: what is wrong with its first row."""


class Entry(NamedTuple):
    """One time entry as the API accepts it; hours are a decimal string."""

    external_id: str
    user_id: str
    date: str
    project: str
    hours: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, with its first line's number; without an entry, it has problems."""

    line: int
    cells: tuple[str, ...]
    entry: Entry | None
    problems: tuple[Problem, ...] = ()


def read_entry_rows(file: TextIO) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Return the names of the columns, and the rows that follow; raise HeaderError if a column is missing.

    The file is as `opened_export` opens it.
    """
    separator = separator_of(file)
    rows = read_rows(file, separator)
    header = _header(next(rows, Cells(1, ())))
    return header, (_row(row, header, decimal_comma=separator == ";") for row in rows)


def _header(row: Cells) -> tuple[str, ...]:
    if row.fault:
        raise HeaderError(row.fault)
    header = row.cells
    missing = [column for column in COLUMNS.values() if header.count(column) != 1]
    if missing:
        raise HeaderError(f"must name each of these columns once: {', '.join(missing)}")
    return header


def _row(row: Cells, header: tuple[str, ...], *, decimal_comma: bool) -> Row:
    if row.fault:
        return Row(row.line, row.cells, None, (("", row.fault),))
    by_name = dict(zip(header, map(str.strip, row.cells), strict=True))
    values = {field: by_name[column] for field, column in COLUMNS.items()}
    if decimal_comma:
        values["hours"] = values["hours"].replace(",", ".")
    for field in ("project", "user_id"):
        values[field] = names.normalised(values[field])
    reasons = {field: _reason(field, value) for field, value in values.items()}
    problems = tuple((COLUMNS[field], reason) for field, reason in reasons.items() if reason)
    if problems:
        return Row(row.line, row.cells, None, problems)
    return Row(row.line, row.cells, Entry(**values))


def _reason(field: str, value: str) -> str | None:
    """Return why the API would refuse the value, if it would."""
    if not value:
        return "is empty"
    if field == "date":
        return _date_reason(value)
    if field == "hours":
        return _hours_reason(value)
    if not_utf_8(value):
        return NOT_UTF_8
    if len(value) > LONGEST[field]:
        return f"is longer than {LONGEST[field]} characters"
    return names.reason(value)


def _date_reason(value: str) -> str | None:
    if not DATE.fullmatch(value):
        return "is not a date of the form 2026-11-09"
    try:
        date.fromisoformat(value)
    except ValueError:
        return f"{value} does not exist"
    return None


def _hours_reason(value: str) -> str | None:
    if not HOURS.fullmatch(value):
        return "is not a number with at most two decimals"
    if not 0 < Decimal(value) <= 24:
        return f"{value} is not more than 0 and at most 24"
    return None
