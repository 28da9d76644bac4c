"""psycopg with a limit to each wait, and with more errors after which a connection is not used again."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

T = TypeVar("T")

_LONGEST_WAIT = 4  # seconds: longer than statement_timeout, which a server that hangs does not keep
# read_only_sql_transaction: another server has taken over. The others: this server is being stopped.
_SERVER_IS_GONE = {"25006", "57P01", "57P02", "57P03"}


class _BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed if the server does not answer in time."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = _LONGEST_WAIT) -> T:
        """Wait for what `gen` does; raise OperationalError."""
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            if self.info.transaction_status == TransactionStatus.ACTIVE:  # the answer may still come
                self.close()
            raise


def _takes_no_writes(connection: psycopg.Connection[Any]) -> bool:
    """Return what the server has reported with the answer to a statement."""
    reported = ("default_transaction_read_only", "in_hot_standby")
    return any(connection.info.parameter_status(name) == "on" for name in reported)


class BoundedDialect(PGDialect_psycopg):
    """SQLAlchemy's dialect with such connections."""

    supports_statement_cache = True

    def connect(self, *arguments: Any, **parameters: Any) -> Any:
        """Open a connection."""
        return _BoundedConnection.connect(*arguments, **parameters)

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """Execute a statement; raise ReadOnlySqlTransaction if the server has become read-only."""
        super().do_execute(cursor, statement, parameters, context)  # type: ignore[no-untyped-call]
        if _takes_no_writes(cursor.connection):
            raise psycopg.errors.ReadOnlySqlTransaction("the server takes no writes: its data may be old")

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return whether all pooled connections have to be given up."""
        if getattr(e, "sqlstate", None) in _SERVER_IS_GONE:
            return True
        return bool(super().is_disconnect(e, connection, cursor))  # type: ignore[no-untyped-call]
