"""The SQLite file in STATE_DIR: its tables, and connections that live as long as one piece of work."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (digest TEXT PRIMARY KEY, name TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS entries (entry_id TEXT PRIMARY KEY, digest TEXT NOT NULL REFERENCES files,
    line INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS likenesses (likeness INTEGER PRIMARY KEY, entry_id TEXT NOT NULL,
    content INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS rejects (entry_id TEXT NOT NULL, content INTEGER NOT NULL,
    PRIMARY KEY (entry_id, content)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, document TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS exchanges (run_id TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (run_id, number)) STRICT, WITHOUT ROWID;
"""


def prepare(state_dir: Path) -> None:
    """Create the file and its tables if they do not exist; leave nothing open."""
    # Two connections that change the journal mode at once fail, whatever their time-out: take turns.
    with (state_dir / "import.db.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with connection(state_dir) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(SCHEMA)


@contextmanager
def connection(state_dir: Path) -> Iterator[sqlite3.Connection]:
    """Open the prepared database; every statement commits by itself."""
    with closing(sqlite3.connect(state_dir / "import.db", timeout=10, isolation_level=None)) as database:
        # What a power cut undoes is done again, and booked only once: no need to wait for the disk.
        database.execute("PRAGMA synchronous = NORMAL")
        # Copying the log into the file waits for the disk: every 32 MiB, not every 4.
        database.execute("PRAGMA wal_autocheckpoint = 8000")
        yield database
