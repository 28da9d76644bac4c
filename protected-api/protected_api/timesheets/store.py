"""The timesheets of a database. Not here: validation (models.py), the databases (sqlite/, postgresql/)."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from protected_api.timesheets.answers import Timesheet
from protected_api.timesheets.database import Database, Result
from protected_api.timesheets.models import Entry, Query
from protected_api.timesheets.names import normalised

Entries = Mapping[int, Entry]  # by their numbers in the upload
Values = dict[str, Any]
COLUMNS = ", ".join(Timesheet.__annotations__)
SELECT = f"SELECT {COLUMNS} FROM timesheets WHERE"  # noqa: S608  all literals


class BookingResult(NamedTuple):
    """What became of the entries of an upload."""

    booked: int  # the new ones: the others were booked before, with the same values
    conflicts: list[tuple[int, str]]  # number and field of entries booked before with another value
    first: Timesheet | None = None  # the first entry as it is booked


class ApprovedError(Exception):
    """The timesheet is approved and cannot be deleted."""


class TimesheetStore:
    """The timesheets of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def book(
        self, client_id: str, department: str | None, entries: Entries, *, dry_run: bool
    ) -> BookingResult:
        """Book all entries, or none if one conflicts with a booked one; `dry_run` only finds conflicts."""
        rows = [
            (client_id, department, each.external_id, *_values(each).values()) for each in entries.values()
        ]
        with self._database.transaction() as transaction:
            booked = 0
            if not dry_run:
                booked = self._database.insert_missing(rows)
            if dry_run or booked < len(entries):
                conflicts = list(_conflicts(self._booked_values(client_id, entries), entries))
                if conflicts or dry_run:
                    transaction.rollback()
                    return BookingResult(0, conflicts)
            external_id = next(iter(entries.values())).external_id
            first = self._one("client_id = ? AND external_id = ?", client_id, external_id)
        return BookingResult(booked, [], first)

    def delete(self, timesheet_id: int) -> None:
        """Delete a timesheet; raise LookupError if there is none, ApprovedError if it is approved."""
        delete = "DELETE FROM timesheets WHERE id = ? AND approved_at IS NULL"
        with self._database.transaction():  # or it would be deleted while an upload finds it booked
            deleted = self._execute(delete, timesheet_id).rowcount
        if not deleted:
            self._one("id = ?", timesheet_id)
            raise ApprovedError

    def approve(self, timesheet_id: int, client_id: str, at: str) -> Timesheet:
        """Return the timesheet, approved now or before; raise LookupError if there is none."""
        update = "UPDATE timesheets SET approved_by = ?, approved_at = ? WHERE id = ? AND approved_at IS NULL"
        self._execute(update, client_id, at, timesheet_id)
        return self._one("id = ?", timesheet_id)

    def page(self, query: Query) -> tuple[list[Timesheet], str | None]:
        """Return a page in the order of booking, and the cursor of the next page or None."""
        rows = self._database.page(COLUMNS, query, query.limit + 1)
        page = [_timesheet(row) for row in rows[: query.limit]]
        if len(rows) <= query.limit:
            return page, None
        return page, str(page[-1]["id"])

    def _one(self, condition: str, *values: Any) -> Timesheet:
        row = self._execute(f"{SELECT} {condition}", *values).fetchone()
        if row is None:
            raise LookupError(condition)
        return _timesheet(row)

    def _booked_values(self, client_id: str, entries: Entries) -> dict[str, Values]:
        """Return the values of those entries that the client has booked before, by external_id."""
        rows = self._database.booked(client_id, [entry.external_id for entry in entries.values()])
        names = ("user_id", "date", "project", "hours")
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}

    def _execute(self, sql: str, *values: Any) -> Result:
        return self._database.execute(sql, *values)


def _conflicts(booked: Mapping[str, Values], entries: Entries) -> Iterator[tuple[int, str]]:
    for index, entry in entries.items():
        values = _values(entry)
        for field, value in booked.get(entry.external_id, values).items():
            if _in_normal_form(value) != values[field]:
                yield index, field


def _in_normal_form(value: str | int) -> str | int:
    """Return what an entry would have had; one that was booked long ago may have its name in another form."""
    if isinstance(value, str):
        return normalised(value)
    return value


def _values(entry: Entry) -> Values:
    hundredths = int(entry.hours * 100)  # exact: the model allows two decimals
    return {"user_id": entry.user_id, "date": entry.date, "project": entry.project, "hours": hundredths}


def _timesheet(row: tuple[Any, ...]) -> Timesheet:
    members = dict(zip(Timesheet.__annotations__, row, strict=True))
    hundredths = members["hours"]
    members["hours"] = f"{hundredths // 100}.{hundredths % 100:02}"
    return cast("Timesheet", members)
