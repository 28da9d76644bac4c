"""A connection to PostgreSQL for each thread, none of which waits for long. Not here: what is executed."""

import select
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from protected_api.timesheets.database import Row

Answer = TypeVar("Answer")
CONNECTION: dict[str, Any] = {
    "application_name": "timesheets-api",
    "client_encoding": "UTF8",
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 3000,  # milliseconds: without it, a host that vanished costs a minute or more
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    # Of several hosts in the URL, the primary. It counts at connect only: see `disconnect`.
    "target_session_attrs": "read-write",
}
# READ COMMITTED: what a lock waited for must be seen once it is there. JIT: costs more than it saves.
SESSION = {"default_transaction_isolation": r"read\ committed", "jit": "off"}
# Milliseconds. A server ends the session of an API whose host vanished, with the locks that it holds.
TIMEOUTS = {
    "lock_timeout": 3000,
    "statement_timeout": 5000,
    "idle_in_transaction_session_timeout": 5000,
    "transaction_timeout": 8000,
}
PAUSE = 1  # second between a connection that failed and the next attempt
ANSWER_TIMEOUT = 6  # seconds: a server that hangs keeps none of its own time-outs
MIGRATION_TIMEOUTS = {"lock_timeout": 600_000}  # another process may be building an index


class _Connection(psycopg.Connection[Row]):
    """A connection that closes when its thread ends, and waits for a frozen server only so long."""

    answer_timeout: float | None = None  # seconds

    def wait(self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None) -> Answer:
        """Return what the server answers."""
        return super().wait(gen, interval, timeout or self.answer_timeout)

    def __del__(self, *_: Any) -> None:
        self.close()


class Connections:
    """Connections to the database of a URL, one for each thread, so that none waits for another one's.

    A thread opens its own at its first use, so that none crosses a fork.
    """

    def __init__(self, url: str, password_file: str | None, now: Callable[[], float]) -> None:
        self._url = url
        self._password_file = password_file
        self._now = now
        self._try_again_at: float | None = None
        self._local = threading.local()

    def connect(self, timeouts: Mapping[str, int], answer_timeout: float | None = None) -> _Connection:
        """Open a connection with these time-outs, in autocommit mode; raise psycopg.Error."""
        given: dict[str, Any] = conninfo_to_dict(self._url)
        session = [f"-c {name}={value}" for name, value in {**SESSION, **timeouts}.items()]
        options = " ".join([*session, given.pop("options", "")])
        given |= self._password()
        connection = _Connection.connect("", autocommit=True, **{**CONNECTION, **given, "options": options})
        connection.answer_timeout = answer_timeout
        return connection

    def connection(self) -> psycopg.Connection[Row]:
        """Return the connection of this thread, a new one if the server has ended it meanwhile."""
        connection: psycopg.Connection[Row] | None = getattr(self._local, "connection", None)
        if connection is None or _ended(connection):
            self.disconnect()
            connection = self._local.connection = self._try_to_connect()
        return connection

    def _try_to_connect(self) -> _Connection:
        """Connect; after a failure, one thread tries again and the others fail, so that they can answer."""
        if self._try_again_at is not None:
            if self._now() < self._try_again_at:
                raise psycopg.OperationalError("the server could not be reached a moment ago")
            self._try_again_at = self._now() + CONNECTION["connect_timeout"]
        try:
            connection = self.connect(TIMEOUTS, ANSWER_TIMEOUT)
        except psycopg.Error:
            self._try_again_at = self._now() + PAUSE
            raise
        self._try_again_at = None
        return connection

    def _password(self) -> dict[str, str]:
        if not self._password_file:
            return {}
        try:  # each time, because it may have been renewed
            return {"password": Path(self._password_file).read_text("utf-8-sig").strip()}
        except (OSError, ValueError) as error:
            raise psycopg.OperationalError("the file of the password cannot be read") from error

    def disconnect(self) -> None:
        """Close the connection of this thread: it may be broken, or its server no longer the primary."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            connection.close()


def _ended(connection: psycopg.Connection[Row]) -> bool:
    """Return whether an idle connection cannot be used: the server closed it, or said something unasked."""
    status = connection.pgconn.transaction_status
    if status != TransactionStatus.IDLE:
        return status == TransactionStatus.UNKNOWN  # broken; otherwise a transaction is under way
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))
