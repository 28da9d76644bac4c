"""Timesheets in SQLite: booked once per client and external_id, approved, read by page.

Not here: HTTP, validation, tables and transactions (database.py).
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from protected_api.timesheets.answers import Timesheet
from protected_api.timesheets.database import Database
from protected_api.timesheets.models import Entry, Query

SELECTED = ", ".join(Timesheet.__annotations__)
FILTERS = {
    "user_id": "user_id = ?",
    "project": "project = ?",
    "from_": "date >= ?",
    "to": "date <= ?",
    "approved": "(approved_at IS NOT NULL) = ?",
}


class Booking(NamedTuple):
    """What an upload came to; `conflicts` name number and field of entries booked with another value.

    `first` is the first entry as it is booked, unless nothing was.
    """

    booked: int
    unchanged: int
    conflicts: tuple[tuple[int, str], ...]
    first: Timesheet | None = None


class Booker(NamedTuple):
    """Who books: the client and, where its token says so, for which department."""

    client_id: str
    department: str | None = None


class ApprovedError(Exception):
    """The timesheet is approved, and stays."""


class Timesheets:
    """The store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self) -> None:
        """Raise sqlite3.Error if the database cannot be read."""
        self._database.connection().execute("SELECT 1 FROM timesheets LIMIT 1")

    def book(
        self, booker: Booker, entries: Sequence[tuple[int, Entry]], *, only_check: bool = False
    ) -> Booking:
        """Book all the numbered entries or, if one conflicts with what is booked, none."""
        with self._database.transaction() as connection:
            known = _booked(connection, booker.client_id, [entry.external_id for _, entry in entries])
            new = [entry for _, entry in entries if entry.external_id not in known]
            conflicts = tuple(_conflicts(known, entries))
            if conflicts or only_check:
                return Booking(0, 0, conflicts)
            connection.executemany(
                "INSERT INTO timesheets (client_id, department, external_id, user_id, date, project, hours)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(*booker, entry.external_id, *_values(entry).values()) for entry in new],
            )
            first = self._one(
                "client_id = ? AND external_id = ?", booker.client_id, entries[0][1].external_id
            )
        return Booking(len(new), len(entries) - len(new), (), first)

    def delete(self, timesheet_id: int) -> None:
        """Delete a timesheet; raise LookupError if there is none, ApprovedError if it is approved."""
        deleted = self._database.connection().execute(
            "DELETE FROM timesheets WHERE id = ? AND approved_at IS NULL", (timesheet_id,)
        )
        if not deleted.rowcount:
            self._one("id = ?", timesheet_id)
            raise ApprovedError

    def approve(self, timesheet_id: int, client_id: str, at: str) -> Timesheet:
        """Return the timesheet, approved now or before; raise LookupError if there is none."""
        self._database.connection().execute(
            "UPDATE timesheets SET approved_by = ?, approved_at = ? WHERE id = ? AND approved_at IS NULL",
            (client_id, at, timesheet_id),
        )
        return self._one("id = ?", timesheet_id)

    def page(self, query: Query) -> tuple[list[Timesheet], int | None]:
        """Return a page in the order of booking, and the cursor of the next or None."""
        wanted = [
            (sql, value) for name, sql in FILTERS.items() if (value := getattr(query, name)) is not None
        ]
        where = " AND ".join(["id > ?", *(sql for sql, _ in wanted)])
        rows = self._database.connection().execute(
            f"SELECT {SELECTED} FROM timesheets WHERE {where} ORDER BY id LIMIT ?",  # noqa: S608  all literals
            (query.cursor, *(value for _, value in wanted), query.limit + 1),
        )
        page = [_timesheet(row) for row in rows]
        more = len(page) > query.limit
        return page[: query.limit], page[query.limit - 1]["id"] if more else None

    def _one(self, condition: str, *values: Any) -> Timesheet:
        row = (
            self._database.connection()
            .execute(f"SELECT {SELECTED} FROM timesheets WHERE {condition}", values)  # noqa: S608  all literals
            .fetchone()
        )
        if row is None:
            raise LookupError(condition)
        return _timesheet(row)


def _booked(
    connection: sqlite3.Connection, client_id: str, external_ids: list[str]
) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        "SELECT external_id, user_id, date, project, hours FROM timesheets"
        " WHERE client_id = ? AND external_id IN (SELECT value FROM json_each(?))",
        (client_id, json.dumps(external_ids)),
    )
    return {row[0]: dict(zip(("user_id", "date", "project", "hours"), row[1:], strict=True)) for row in rows}


def _conflicts(
    known: dict[str, dict[str, Any]], entries: Sequence[tuple[int, Entry]]
) -> Iterator[tuple[int, str]]:
    for index, entry in entries:
        values = _values(entry)
        for field, value in known.get(entry.external_id, values).items():
            if value != values[field]:
                yield index, field


def _values(entry: Entry) -> dict[str, Any]:
    hundredths = int(entry.hours * 100)  # exact: the model allows two decimals
    return {"user_id": entry.user_id, "date": entry.date, "project": entry.project, "hours": hundredths}


def _timesheet(row: tuple[Any, ...]) -> Timesheet:
    members = dict(zip(Timesheet.__annotations__, row, strict=True))
    hundredths = members["hours"]
    members["hours"] = f"{hundredths // 100}.{hundredths % 100:02}"
    return cast("Timesheet", members)
