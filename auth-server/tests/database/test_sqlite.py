"""The database file: in WAL mode."""

import sqlite3
from contextlib import closing
from pathlib import Path

from auth_server.database.engine import create_database_engine


def test_a_new_file_is_switched_to_wal_later_if_another_process_is_writing(tmp_path: Path) -> None:
    """SQLite refuses the switch at once."""
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
