"""The API's SQLite database: its tables, a connection for each thread, its statements. Not here: pages.py."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from protected_api.sqlite.blocks import Blocks
from protected_api.sqlite.pages import read_page
from protected_api.timesheets.database import NEW_COLUMNS, Row
from protected_api.timesheets.models import Query

# Each script brings a database from the version before to its own (PRAGMA user_version).
MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS timesheets (
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice, so a cursor stays right after a deletion
        client_id TEXT NOT NULL, external_id TEXT NOT NULL,
        user_id TEXT NOT NULL, date TEXT NOT NULL, project TEXT NOT NULL,
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
    # What each of these is for: pages.py. An upload writes into the last block of an index alone.
    """
    DROP INDEX IF EXISTS timesheets_of_user;
    CREATE INDEX timesheets_of_block_by_user
        ON timesheets (id >> 17, user_id, approved_at IS NOT NULL, date, project);
    CREATE INDEX timesheets_of_block_by_project
        ON timesheets (id >> 17, project, approved_at IS NOT NULL, date);
    CREATE INDEX pending_timesheets_of_block_by_date
        ON timesheets (id >> 17, date) WHERE approved_at IS NULL;
    CREATE INDEX approved_timesheets_of_block_by_date
        ON timesheets (id >> 17, date) WHERE approved_at IS NOT NULL;
    """,
    """
    CREATE TABLE seen_proofs (
        expires_at INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (expires_at, digest)  -- a proof that comes again expires at the same time
    ) STRICT, WITHOUT ROWID;
    """,
)
BUSY_TIMEOUT = 5  # seconds
MIGRATION_TIMEOUT = 600  # seconds: another process may be building the indexes of millions of rows
INSERT = f"""
INSERT INTO timesheets ({", ".join(NEW_COLUMNS)})
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id, external_id) DO NOTHING
"""  # noqa: S608  all literals
BOOKED = """
SELECT external_id, user_id, date, project, hours FROM timesheets
WHERE client_id = ? AND external_id IN (SELECT value FROM json_each(?))
"""


class _Connection(sqlite3.Connection):
    """A connection that closes when its thread ends."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was never opened
            self.close()


class SqliteDatabase:
    """One file. Each thread opens a connection of its own at its first use, so that none crosses a fork.

    With `synchronous` NORMAL, a commit does not wait for the disk: a loss of power can take the last ones.
    """

    error: type[Exception] = sqlite3.Error

    def __init__(self, file: str, synchronous: str = "FULL") -> None:
        self._file = file
        self._synchronous = synchronous
        self._local = threading.local()
        self._blocks = Blocks()

    def prepare(self) -> None:
        """Create what is missing, leave no connection open; raise sqlite3.Error if the file is unusable."""
        with closing(self._connect(MIGRATION_TIMEOUT)) as connection, connection:
            # EXCLUSIVE: of two processes that start at once, the second finds the work done.
            connection.execute("BEGIN EXCLUSIVE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                for statement in filter(str.strip, script.split(";\n")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    def check(self) -> None:
        """Raise sqlite3.Error if the database cannot be read and written to."""
        try:
            with self.transaction() as connection:
                connection.execute("SELECT 1 FROM timesheets LIMIT 1")
                # The version, perhaps of a newer release, is written as it is: reading finds no full disk.
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                connection.execute(f"PRAGMA user_version = {version}")
        except sqlite3.Error:
            self.disconnect()
            raise

    def connection(self) -> sqlite3.Connection:
        """Return the connection of this thread."""
        try:
            connection: sqlite3.Connection = self._local.connection
        except AttributeError:
            connection = self._local.connection = self._connect()
        return connection

    def disconnect(self) -> None:
        """Give up the connection of this thread: one that failed may not see that the file is mended."""
        with suppress(AttributeError):
            del self._local.connection

    def _connect(self, timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
        # isolation_level None: transactions begin where this module says so.
        connection = sqlite3.connect(
            self._file,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,  # the garbage collector closes it, in any thread
            factory=_Connection,
        )
        with suppress(sqlite3.OperationalError):  # of processes that switch a new file at once, one succeeds
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done in the context, all or nothing."""
        with self.connection() as connection:  # sqlite3 commits at its end, or rolls back
            # IMMEDIATE locks before the first read: two uploads cannot both find an entry missing.
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Execute a statement with ? for each value."""
        return self.connection().execute(sql, values)

    def insert_missing(self, rows: Sequence[Row]) -> int:
        """Insert the rows that are not booked, and return how many."""
        return self.connection().executemany(INSERT, rows).rowcount

    def booked(self, client_id: str, external_ids: Sequence[str]) -> Iterable[Row]:
        """Return external_id, user_id, date, project and hours of those that the client has booked."""
        return self.connection().execute(BOOKED, (client_id, json.dumps(external_ids)))

    def page(self, columns: str, query: Query, count: int) -> Sequence[Row]:
        """Return the first `count` timesheets after the cursor that pass the filters, in the order of ids."""
        return read_page(self.connection(), self._blocks, columns, query, count)
