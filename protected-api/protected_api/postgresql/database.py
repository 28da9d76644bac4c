"""The API's PostgreSQL database: its transactions and statements. Not here: connections.py, pages.py.

A statement prepared by psycopg at its fifth use lives as long as the connection, so there must be no pooler
between that shares connections by the transaction.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from protected_api.postgresql.connections import MIGRATION_TIMEOUTS, Connections
from protected_api.postgresql.migrations import migrate
from protected_api.postgresql.pages import read_page
from protected_api.timesheets.database import NEW_COLUMNS, Row
from protected_api.timesheets.models import Query

# Two numbers name a lock of the transaction that takes it; the first is only ours.
MIGRATING = "SELECT pg_advisory_xact_lock(9001, 1)"
# A row gets its id when it is inserted, and is seen when it is committed. Of two transactions at once, the
# one with the higher ids may commit first; then a reader's cursor passes the lower ones, never to see them.
BEGIN = "BEGIN; SELECT pg_advisory_xact_lock(9001, 2)"
# ON CONFLICT would use up an id for each row that is booked already.
INSERT = f"""
INSERT INTO timesheets ({", ".join(NEW_COLUMNS)})
SELECT %s, %s, given.external_id, user_id, date, project, hours
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::integer[])
    WITH ORDINALITY AS given (external_id, user_id, date, project, hours, number)
WHERE NOT EXISTS (
    SELECT FROM timesheets AS booked WHERE booked.client_id = %s AND booked.external_id = given.external_id
)
ORDER BY number
"""  # noqa: S608  all literals
BOOKED = """
SELECT external_id, user_id, date, project, hours FROM timesheets
WHERE client_id = %s AND external_id = ANY (%s)
"""


class PostgresqlDatabase:
    """The database of a URL. A commit waits for the disk, also that of a proof."""

    error: type[Exception] = psycopg.Error

    def __init__(
        self, url: str, password_file: str | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._connections = Connections(url, password_file, now)
        self.disconnect = self._connections.disconnect

    def prepare(self) -> None:
        """Create what is missing, leave no connection open; raise psycopg.Error if that fails."""
        with closing(self._connections.connect(MIGRATION_TIMEOUTS)) as connection, connection.transaction():
            migrate(connection, MIGRATING)

    def check(self) -> None:
        """Raise psycopg.Error if the database cannot be read and written to."""
        try:
            self.execute("SELECT 1 FROM timesheets LIMIT 1")
            # The version stays the same, but it is written: a server may have become read-only.
            self.execute("UPDATE timesheets_schema SET version = version")
        except psycopg.Error:
            self.disconnect()
            raise

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Row]]:
        """Commit what this thread does in the context, all or nothing, while no other does so."""
        connection = self._connections.connection()
        try:
            connection.execute(BEGIN, prepare=False)
            yield connection
            connection.commit()
        except BaseException:
            self.disconnect()
            raise

    def execute(self, sql: str, *values: Any) -> psycopg.Cursor[Row]:
        """Execute a statement with ? for each value."""
        return self._connections.connection().execute(sql.replace("?", "%s"), values)

    def insert_missing(self, rows: Sequence[Row]) -> int:
        """Insert the rows that are not booked, and return how many."""
        client_id, department, *_ = rows[0]
        _, _, *columns = map(list, zip(*rows, strict=True))
        values = (client_id, department, *columns, client_id)
        return self._connections.connection().execute(INSERT, values).rowcount

    def booked(self, client_id: str, external_ids: Sequence[str]) -> Iterator[Row]:
        """Return external_id, user_id, date, project and hours of those that the client has booked."""
        return iter(self._connections.connection().execute(BOOKED, (client_id, list(external_ids))))

    def page(self, columns: str, query: Query, count: int) -> Sequence[Row]:
        """Return the first `count` timesheets after the cursor that pass the filters, in the order of ids."""
        return read_page(self._connections.connection(), columns, query, count)
