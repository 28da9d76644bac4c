"""Whoever starts first creates the tables, in any database that can hold the names."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from protected_api.postgresql.database import MIGRATING, PostgresqlDatabase
from protected_api.postgresql.migrations import MIGRATIONS, VERSION, migrate
from protected_api.timesheets.models import Query
from protected_api.timesheets.store import TimesheetStore

Another = Callable[..., PostgresqlDatabase]


def versions(database: PostgresqlDatabase) -> list[int]:
    return [row[0] for row in database.execute(VERSION)]


def test_of_several_that_start_at_once_each_finds_the_tables(another: Another) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: another().prepare(), range(8)))
    assert versions(another()) == [len(MIGRATIONS)]


def test_they_do_so_where_the_server_isolates_transactions_more(another: Another, served: Any) -> None:
    """A snapshot that is older than the wait for the lock would not show what the other one created."""
    with served.connect() as connection:
        connection.execute(f"ALTER DATABASE {served.name} SET default_transaction_isolation = 'serializable'")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: another().prepare(), range(8)))
    assert versions(another()) == [len(MIGRATIONS)]


def test_a_start_that_fails_midway_leaves_nothing_behind(another: Another, served: Any) -> None:
    with served.connect() as connection:
        connection.execute("CREATE TABLE seen_proofs ()")
        with pytest.raises(psycopg.errors.DuplicateTable):
            another().prepare()
        connection.execute("DROP TABLE seen_proofs")
    another().prepare()
    assert versions(another()) == [len(MIGRATIONS)]


def test_an_older_release_works_on_the_database_of_a_newer_one(
    another: Another, served: Any, entries: Any
) -> None:
    another().prepare()
    with served.connect() as connection:
        connection.execute("ALTER TABLE timesheets ADD COLUMN comment text DEFAULT 'none'")
        connection.execute("UPDATE timesheets_schema SET version = 99")
    database = another()
    database.prepare()
    database.check()
    assert TimesheetStore(database).book("job", None, entries("e1"), dry_run=False).booked == 1
    assert versions(database) == [99]


@pytest.mark.long
def test_a_start_waits_for_no_long_read_with_all_others_behind_it(another: Another, served: Any) -> None:
    """As while pg_dump runs: a table that somebody waits to change cannot even be read."""
    another().prepare()
    newer = [*MIGRATIONS, "ALTER TABLE timesheets ADD COLUMN comment text"]
    with served.connect() as dump, served.connect() as start:
        with dump.transaction():
            dump.execute("SELECT FROM timesheets")
            with pytest.raises(psycopg.errors.LockNotAvailable), start.transaction():
                migrate(start, MIGRATING, newer)
        with start.transaction():
            migrate(start, MIGRATING, newer)
    assert versions(another()) == [len(newer)]


def test_refuses_an_encoding_that_cannot_hold_all_names(postgresql: Any, tmp_path: Path) -> None:
    served = postgresql.new_database("template0", "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    password_file = served.write_password(tmp_path)
    with pytest.raises(psycopg.NotSupportedError, match="its encoding is LATIN1, where names need UTF8"):
        PostgresqlDatabase(served.url(), str(password_file)).prepare()
    postgresql.drop(served)


def test_locale_and_time_zone_of_the_database_do_not_matter(
    postgresql: Any, tmp_path: Path, entries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = postgresql.new_database(
        "template0", "ENCODING 'UTF8' LOCALE_PROVIDER 'icu' ICU_LOCALE 'sv-SE' LOCALE 'C.UTF-8'"
    )
    with served.connect() as connection:
        connection.execute(f"ALTER DATABASE {served.name} SET timezone = 'Asia/Kathmandu'")
        connection.execute(f"ALTER DATABASE {served.name} SET datestyle = 'SQL, DMY'")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    database = PostgresqlDatabase(served.url(), str(served.write_password(tmp_path)))
    database.prepare()
    store = TimesheetStore(database)
    for name in ("Ωmega", "Zoo", "ångström", "zoo"):
        store.book("job", None, entries(name, project=name), dry_run=False)
    assert store.approve(1, "bot", "2026-11-03T00:00:00Z")["approved_at"] == "2026-11-03T00:00:00Z"
    rows = database.execute("SELECT project FROM timesheets ORDER BY project").fetchall()
    assert [row[0] for row in rows] == ["Zoo", "zoo", "ångström", "Ωmega"]
    page, _ = store.page(Query(project="Ωmega"))
    assert [row["project"] for row in page] == ["Ωmega"]
    database.disconnect()
    postgresql.drop(served)
