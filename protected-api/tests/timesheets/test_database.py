"""The file is in WAL mode, whoever else opens it at the same time."""

import sqlite3
from contextlib import closing
from pathlib import Path

from protected_api.timesheets.database import Database


def test_a_new_file_that_another_process_writes_to_is_opened_and_switched_later(tmp_path: Path) -> None:
    """SQLite refuses the switch then, without a wait."""
    file = str(tmp_path / "new.db")
    modes = []
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in ("BEGIN IMMEDIATE", "COMMIT"):
            other.execute(statement)
            connection = Database(file).connection()
            modes += connection.execute("PRAGMA journal_mode").fetchone()
    assert modes == ["delete", "wal"]
