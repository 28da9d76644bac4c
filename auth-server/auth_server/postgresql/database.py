"""PostgreSQL 17: every wait is bounded, and a connection to a server that was replaced is not used again.

Not here: what is done to the driver (psycopg_dialect.py).
"""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry

_LOCK = 0x6175_7468  # of the process that writes; such locks belong to one database
_POLL = 0.05  # seconds
_POOL = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 3}  # of each worker process

# Milliseconds. The last ends the transaction of a process that stopped while it held the lock.
_LIMITS = {"statement_timeout": 3000, "lock_timeout": 2000, "idle_in_transaction_session_timeout": 30000}
_CONNECTION = {
    "application_name": "auth-server",
    "connect_timeout": 3,  # seconds
    # Without these, a call to a host that has vanished waits until the kernel gives up: minutes.
    "tcp_user_timeout": 3000,  # milliseconds
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    # Of several hosts, the one that takes writes. It counts when a connection is opened, and never again.
    "target_session_attrs": "read-write",
    "options": " ".join(f"-c {name}={limit}" for name, limit in _LIMITS.items()),
}

registry.register("postgresql.bounded", f"{__package__}.psycopg_dialect", "BoundedDialect")


class PasswordFileError(sa.exc.SQLAlchemyError):
    """The file with the password cannot be read."""


class EncodingError(sa.exc.SQLAlchemyError):
    """The database cannot hold every text."""


def create_engine(url: str, password_file: Path | None) -> sa.Engine:
    """Return the engine, which opens nothing before its first use.

    A single statement commits by itself: SQLAlchemy would send BEGIN and ROLLBACK around each query, which
    makes three round trips of one.
    """
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+bounded"),
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        use_native_hstore=False,
        connect_args=_CONNECTION,
        **_POOL,
    )
    sa.event.listen(engine, "connect", _check_encoding)
    sa.event.listen(engine, "checkout", _check_out)
    if password_file:
        sa.event.listen(engine, "do_connect", _Password(password_file))
    return engine


class _Password:
    """Reads the password at each connection, so that a new one needs no restart."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self, _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        try:
            parameters["password"] = self._file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise PasswordFileError(f"{self._file} cannot be read ({error})") from None


def _check_encoding(connection: Any, _record: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise EncodingError(f"its encoding is {encoding}")


def _check_out(connection: Any, _record: Any, _proxy: Any) -> None:
    """Replace a pooled connection that the server has ended; this sends nothing."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):  # while it is idle, there is nothing else to read
        raise sa.exc.DisconnectionError


@contextmanager
def writing(engine: sa.Engine, wait: float) -> Iterator[sa.Connection]:
    """Open a transaction under a lock that only one has at a time.

    READ COMMITTED, whatever the database's default is: at a higher level, the statement that waits for the
    lock would fix what the transaction sees, which is the state before the other process wrote.
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            _lock(connection, wait)
            yield connection


def _lock(connection: sa.Connection, wait: float) -> None:
    """Take the lock; raise TimeoutError. Asked for again and again, it may take longer than a statement."""
    end = time.monotonic() + wait
    while not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))):
        if time.monotonic() > end:
            raise sa.exc.TimeoutError(f"other processes have been writing for {wait} s")
        time.sleep(_POLL)


def problem(error: sa.exc.SQLAlchemyError) -> str:
    """Return why the database cannot be used, and what to do."""
    if isinstance(error, PasswordFileError):
        return f"DATABASE_PASSWORD_FILE: {error}; write the password there"
    reason = " ".join(str(getattr(error, "orig", error)).split())  # psycopg's are several lines
    return f"DATABASE_URL: cannot be used ({reason}); name a database of UTF8 that this user owns"
