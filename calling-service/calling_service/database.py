"""The one SQLite file in STATE_DIR: its tables, and connections that live as long as one piece of work."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS entries (
    entry_id TEXT PRIMARY KEY, digest TEXT NOT NULL REFERENCES files, line INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, document TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS exchanges (
    run_id TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;
"""


def prepare(state_dir: Path) -> None:
    """Make the file and its tables if they are not there; leave nothing open."""
    # Two that change the journal mode at once do not wait for one another, whatever their time-out.
    with (state_dir / "import.db.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with connection(state_dir) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(SCHEMA)


@contextmanager
def connection(state_dir: Path) -> Iterator[sqlite3.Connection]:
    """Open the database, which has been prepared; every statement commits by itself."""
    with closing(sqlite3.connect(state_dir / "import.db", timeout=10, isolation_level=None)) as database:
        # What a power cut takes back is done again, and booked no second time: no need to wait for the disk.
        database.execute("PRAGMA synchronous = NORMAL")
        yield database
