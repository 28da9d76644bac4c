"""The API's SQLite database: its tables, a connection for each thread. Not here: the rows (timesheets.py)."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

# Each brings a database from the version before to its own (PRAGMA user_version).
MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS timesheets (
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, so a cursor stays true after a deletion
        client_id TEXT NOT NULL,
        external_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        date TEXT NOT NULL,
        project TEXT NOT NULL,
        hours INTEGER NOT NULL,  -- in hundredths: SQLite has no exact decimals
        UNIQUE (client_id, external_id)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS timesheets_of_user ON timesheets (user_id);
    """,
    """
    ALTER TABLE timesheets ADD COLUMN department TEXT;
    ALTER TABLE timesheets ADD COLUMN approved_by TEXT;
    ALTER TABLE timesheets ADD COLUMN approved_at TEXT;
    """,
)
BUSY_TIMEOUT = 5  # seconds


class _Connection(sqlite3.Connection):
    """A connection that ends with its thread."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it never opened
            self.close()


class Database:
    """One file. Each thread has a connection of its own, opened at its first use: none crosses a fork."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._local = threading.local()

    def prepare(self) -> None:
        """Create what is missing, leave no connection open; raise sqlite3.Error if the file is unusable."""
        with closing(self._connect()) as connection:
            # EXCLUSIVE: of two processes that start at once, the second finds the work done.
            connection.execute("BEGIN EXCLUSIVE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                for statement in filter(str.strip, script.split(";\n")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")

    def connection(self) -> sqlite3.Connection:
        """Return the connection of this thread."""
        try:
            connection: sqlite3.Connection = self._local.connection
        except AttributeError:
            connection = self._local.connection = self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        # isolation_level None: transactions begin where this module says so.
        connection = sqlite3.connect(
            self._file,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,  # closed by whoever collects it
            factory=_Connection,
        )
        with suppress(sqlite3.OperationalError):  # of several that switch a new file at once, SQLite lets one
            connection.execute("PRAGMA journal_mode = WAL")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done in the context, all or nothing."""
        # IMMEDIATE locks before the first read: two uploads cannot both find an entry missing.
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
