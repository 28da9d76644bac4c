"""The file is in WAL mode, whoever else opens it at the same time."""

import sqlite3
from contextlib import closing
from pathlib import Path

from auth_server.database import create_database_engine


def test_a_new_file_that_another_process_writes_to_is_opened_and_switched_later(tmp_path: Path) -> None:
    """SQLite refuses the switch then, without a wait."""
    file = tmp_path / "new.db"
    engine = create_database_engine(f"sqlite:///{file}")
    modes = []
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in ("BEGIN IMMEDIATE", "COMMIT"):
            other.execute(statement)
            with engine.connect() as connection:
                modes.append(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
            engine.dispose()
    assert modes == ["delete", "wal"]
