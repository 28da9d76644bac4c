"""The database file is in WAL mode, and older files are migrated."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from protected_api.sqlite.database import MIGRATIONS, SqliteDatabase
from protected_api.timesheets.models import Query
from protected_api.timesheets.store import TimesheetStore


def test_a_new_file_that_another_process_writes_to_is_opened_and_switched_later(tmp_path: Path) -> None:
    """SQLite then refuses the switch to WAL mode without waiting."""
    file = str(tmp_path / "new.db")
    modes = []
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in ("BEGIN IMMEDIATE", "COMMIT"):
            other.execute(statement)
            connection = SqliteDatabase(file).connection()
            modes += connection.execute("PRAGMA journal_mode").fetchone()
    assert modes == ["delete", "wal"]


def test_migrates_an_older_database_and_keeps_its_rows(tmp_path: Path) -> None:
    file = str(tmp_path / "old.db")
    with closing(sqlite3.connect(file)) as old:
        old.executescript(MIGRATIONS[0])
        old.execute("INSERT INTO timesheets VALUES (7, 'job', 'e1', 'u1', '2026-11-02', 'P', 725)")
        old.commit()
    for _ in range(2):
        SqliteDatabase(file).prepare()
    [row], _ = TimesheetStore(SqliteDatabase(file)).page(Query())
    assert (row["id"], row["hours"], row["department"], row["approved_at"]) == (7, "7.25", None, None)


def test_an_older_release_works_on_the_database_of_a_newer_one_and_leaves_its_version(
    tmp_path: Path,
) -> None:
    """Otherwise the newer one would migrate the database again when it restarts, and fail."""
    file = str(tmp_path / "shared.db")
    SqliteDatabase(file).prepare()
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("ALTER TABLE timesheets ADD COLUMN comment TEXT DEFAULT 'none'")
        newer.execute("PRAGMA user_version = 99")
        older = SqliteDatabase(file)
        older.prepare()
        older.check()
        with older.transaction():
            assert older.insert_missing([("job", None, "e1", "u1", "2026-11-02", "P", 725)]) == 1
        assert newer.execute("PRAGMA user_version").fetchone() == (99,)


def test_several_processes_may_migrate_an_older_database_at_once(tmp_path: Path) -> None:
    file = str(tmp_path / "old.db")
    with closing(sqlite3.connect(file)) as old:
        old.executescript("".join(MIGRATIONS[:2]) + "PRAGMA user_version = 2")
        rows = ((f"e{number}", f"u{number % 9}", "2026-11-02", "P", 725) for number in range(20_000))
        old.executemany("INSERT INTO timesheets VALUES (NULL, 'job', ?, ?, ?, ?, ?, NULL, NULL, NULL)", rows)
        old.commit()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: SqliteDatabase(file).prepare(), range(4)))
    query = Query.model_validate({"user_id": "u5", "limit": "2", "cursor": "10000"})
    page, _ = TimesheetStore(SqliteDatabase(file)).page(query)
    assert [row["external_id"] for row in page] == ["e10004", "e10013"]
