"""The store books all or nothing."""

import sqlite3
from contextlib import closing

import pytest
from protected_api.settings import Settings
from protected_api.timesheets.database import Database
from protected_api.timesheets.models import Entry, Query
from protected_api.timesheets.store import TimesheetStore

ENTRY = {"user_id": "u1", "date": "2026-11-02", "project": "P", "hours": "7.25"}


def test_books_nothing_when_the_database_fails_midway(settings: Settings) -> None:
    store = TimesheetStore(Database(settings.database_file))
    entries = {number: Entry.model_validate({"external_id": f"e{number}", **ENTRY}) for number in range(3)}
    with closing(sqlite3.connect(settings.database_file)) as other:
        other.execute(
            "CREATE TRIGGER fail BEFORE INSERT ON timesheets WHEN NEW.external_id = 'e2'"
            " BEGIN SELECT RAISE(ABORT, 'failed'); END"
        )
        with pytest.raises(sqlite3.IntegrityError):
            store.book("job", None, entries, dry_run=False)
        other.execute("DROP TRIGGER fail")
    assert store.page(Query()) == ([], None)
    assert store.book("job", None, entries, dry_run=False).booked == 3


@pytest.mark.parametrize("booked_name", ["Cafe\u0301", " Café", "Café"])
def test_an_entry_that_was_booked_in_another_form_of_its_name_is_unchanged(
    settings: Settings, booked_name: str
) -> None:
    store = TimesheetStore(Database(settings.database_file))
    entries = {0: Entry.model_validate({"external_id": "e", **ENTRY, "project": "Café"})}
    store.book("job", None, entries, dry_run=False)
    with closing(sqlite3.connect(settings.database_file)) as other, other:
        other.execute("UPDATE timesheets SET project = ?, user_id = ' u1'", (booked_name,))
    result = store.book("job", None, entries, dry_run=False)
    assert (result.booked, result.conflicts) == (0, [])
