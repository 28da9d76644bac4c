"""The store books all or nothing, whichever database holds the timesheets."""

from typing import Any

import pytest
from protected_api.settings import Settings
from protected_api.timesheets.database import Database
from protected_api.timesheets.models import Entry, Query
from protected_api.timesheets.store import TimesheetStore

ENTRY = {"user_id": "u1", "date": "2026-11-02", "project": "P", "hours": "7.25"}
FAIL_AT_E2 = {
    "sqlite": (
        """CREATE TRIGGER f BEFORE INSERT ON timesheets WHEN NEW.external_id = 'e2'
        BEGIN SELECT RAISE(ABORT, 'failed'); END""",
        "DROP TRIGGER f",
    ),
    "postgresql": (
        "ALTER TABLE timesheets ADD CONSTRAINT fail CHECK (external_id <> 'e2')",
        "ALTER TABLE timesheets DROP CONSTRAINT fail",
    ),
}
pytestmark = pytest.mark.parametrize("database_kind", FAIL_AT_E2, indirect=True)


def test_books_nothing_when_the_database_fails_midway(
    database: Database, settings: Settings, connected: Any, database_kind: str
) -> None:
    store = TimesheetStore(database)
    entries = {number: Entry.model_validate({"external_id": f"e{number}", **ENTRY}) for number in range(3)}
    fail, mend = FAIL_AT_E2[database_kind]
    with connected(settings) as other:
        other.execute(fail)
        with pytest.raises(database.error):
            store.book("job", None, entries, dry_run=False)
        other.execute(mend)
    assert store.page(Query()) == ([], None)
    assert store.book("job", None, entries, dry_run=False).booked == 3


@pytest.mark.parametrize("booked_name", ["Cafe\u0301", " Café", "Café"])
def test_an_entry_that_was_booked_in_another_form_of_its_name_is_unchanged(
    database: Database, settings: Settings, connected: Any, booked_name: str
) -> None:
    store = TimesheetStore(database)
    entries = {0: Entry.model_validate({"external_id": "e", **ENTRY, "project": "Café"})}
    store.book("job", None, entries, dry_run=False)
    with connected(settings) as other:
        other.execute(f"UPDATE timesheets SET project = '{booked_name}', user_id = ' u1'")  # noqa: S608
    result = store.book("job", None, entries, dry_run=False)
    assert (result.booked, result.conflicts) == (0, [])


def test_entries_get_their_ids_in_the_order_of_the_upload(database: Database) -> None:
    store = TimesheetStore(database)
    names = [f"e{number * 7919 % 500}" for number in range(500)]
    entries = [Entry.model_validate({"external_id": name, **ENTRY}) for name in names]
    store.book("job", None, dict(enumerate(entries[:250])), dry_run=False)
    store.book("job", None, dict(enumerate(entries)), dry_run=False)
    page, _ = store.page(Query.model_validate({"limit": "500"}))
    assert [row["external_id"] for row in page] == names
