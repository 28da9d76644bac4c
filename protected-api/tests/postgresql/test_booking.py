"""Uploads, deletions and readers at the same time: nothing is booked twice, skipped or seen twice."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from protected_api.app import create_app
from protected_api.postgresql.database import PostgresqlDatabase
from protected_api.seen_proofs import SeenProofs
from protected_api.settings import Settings
from protected_api.timesheets.models import Query
from protected_api.timesheets.store import ApprovedError, TimesheetStore

Another = Callable[..., PostgresqlDatabase]
THREADS = 6
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def stores(another: Another) -> list[TimesheetStore]:
    """Return the stores of two instances on one database."""
    another().prepare()
    return [TimesheetStore(another()) for _ in range(2)]


def read_on(store: TimesheetStore, cursor: str) -> Iterator[tuple[int, str]]:
    """Yield the id and external_id of each timesheet behind the cursor, page by page."""
    while True:
        page, next_cursor = store.page(Query.model_validate({"limit": "7", "cursor": cursor}))
        yield from ((row["id"], row["external_id"]) for row in page)
        if next_cursor is None:
            return
        cursor = next_cursor


def test_a_reader_who_pages_all_the_while_sees_each_timesheet_once(
    stores: list[TimesheetStore], entries: Any
) -> None:
    """An id is given at the insert and seen at the commit: a cursor must not pass ids not seen yet."""
    done = threading.Event()

    def upload(thread: int) -> None:
        for number in range(30):
            names = [f"{thread}-{number}-{each}" for each in range(9)]
            stores[thread % 2].book("job", None, entries(*names), dry_run=False)

    def read() -> list[tuple[int, str]]:
        seen: list[tuple[int, str]] = []
        last = False
        while not last:
            last = done.is_set()  # what was committed before this is in the last round
            seen += read_on(stores[0], str(seen[-1][0]) if seen else "0")
        return seen

    with ThreadPoolExecutor(THREADS + 1) as threads:
        reader = threads.submit(read)
        list(threads.map(upload, range(THREADS)))
        done.set()
        seen = reader.result()
    assert Counter(name for _, name in seen) == {
        f"{thread}-{number}-{each}": 1
        for thread, number, each in itertools.product(range(THREADS), range(30), range(9))
    }
    assert [each for each, _ in seen] == list(range(1, len(seen) + 1))


def test_an_upload_gets_no_ids_while_another_has_some_that_cannot_be_seen(
    another: Another, stores: list[TimesheetStore], entries: Any, eventually: Any
) -> None:
    first, watcher = another(), another()
    with ThreadPoolExecutor(1) as threads:
        with first.transaction():
            first.insert_missing([("job", None, "first", "u1", "2026-11-02", "P", 100)])
            second = threads.submit(stores[0].book, "job", None, entries("second"), dry_run=False)
            eventually(lambda: watcher.execute(WAITING).fetchone() == (1,))
            assert list(read_on(stores[1], "0")) == []
        assert second.result(5).booked == 1
    assert list(read_on(stores[1], "0")) == [(1, "first"), (2, "second")]


def test_of_many_uploads_of_the_same_entries_one_books_each(
    stores: list[TimesheetStore], entries: Any
) -> None:
    names = [f"e{number}" for number in range(40)]

    def upload(number: int) -> int:
        part = names[number % 20 :]
        return stores[number % 2].book("job", None, entries(*part[::-1]), dry_run=False).booked

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(upload, range(40))) == 40
    assert sorted(name for _, name in read_on(stores[0], "0")) == sorted(names)


def test_the_constraint_refuses_a_second_booking_whatever_the_program_does(
    another: Another, stores: list[TimesheetStore], entries: Any
) -> None:
    stores[0].book("job", None, entries("e1"), dry_run=False)
    again = "INSERT INTO timesheets (client_id, external_id, user_id, date, project, hours)"
    with pytest.raises(psycopg.errors.UniqueViolation):
        another().execute(f"{again} VALUES ('job', 'e1', 'u1', '2026-11-02', 'P', 725)")


def test_a_repeated_upload_uses_up_no_ids(stores: list[TimesheetStore], entries: Any) -> None:
    """Else the blocks of ids, which a read goes through, would be empty."""
    names = [f"e{number}" for number in range(500)]
    for _ in range(3):
        stores[0].book("job", None, entries(*names), dry_run=False)
    stores[0].book("job", None, entries("last"), dry_run=False)
    assert list(read_on(stores[0], "490"))[-1] == (501, "last")


def test_uploads_deletions_and_approvals_at_once_end_as_if_one_after_the_other(
    stores: list[TimesheetStore], entries: Any
) -> None:
    outcomes: Counter[str] = Counter()

    def act(number: int) -> None:
        store = stores[number % 2]
        result = store.book("job", None, entries("e1", "e2"), dry_run=False)
        assert result.first is not None
        outcomes["booked"] += result.booked
        for timesheet_id, name in list(read_on(store, "0")):
            try:
                if name == "e2" and number > 60:
                    store.approve(timesheet_id, "bot", "2026-11-03T00:00:00Z")
                store.delete(timesheet_id)
                outcomes["deleted"] += 1
            except LookupError:
                outcomes["gone"] += 1
            except ApprovedError:
                outcomes["approved"] += 1

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(act, range(120)))
    left = list(read_on(stores[0], "0"))
    assert outcomes["booked"] == outcomes["deleted"] + len(left)
    assert outcomes["approved"]


def test_a_proof_counts_once_for_all_instances(another: Another) -> None:
    another().prepare()
    instances = [SeenProofs(another(), lambda: 1_800_000_000) for _ in range(2)]
    with ThreadPoolExecutor(8) as threads:
        seen = threads.map(lambda number: instances[number % 2].seen(b"\x00proof", 1_800_000_060), range(40))
        assert list(seen).count(False) == 1


def test_proofs_are_kept_in_the_database_of_the_timesheets(settings: Settings, connected: Any) -> None:
    app = create_app(replace(settings, dpop="1"))
    proofs = app.extensions["authorization"].possession.methods["jkt"].__self__
    assert not proofs.seen(b"digest", 1_800_000_060)
    with connected(settings) as connection:
        assert connection.execute("SELECT * FROM seen_proofs").fetchall() == [(1_800_000_060, b"digest")]
