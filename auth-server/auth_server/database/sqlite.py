"""SQLite in a file, in WAL mode, for the processes of one host."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

_BUSY = 5  # seconds to wait for another process that writes


def create_engine(url: str, password_file: Path | None) -> sa.Engine:  # noqa: ARG001
    """Return the engine, which opens nothing before its first use."""
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY})
    sa.event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    with suppress(sqlite3.OperationalError):  # SQLite lets only one connection switch a new file
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


@contextmanager
def writing(engine: sa.Engine, wait: float) -> Iterator[sa.Connection]:  # noqa: ARG001
    """Open the only transaction that may write."""
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def problem(error: sa.exc.SQLAlchemyError) -> str:
    """Return why the file cannot be used, and what to do."""
    reason = getattr(error, "orig", None) or type(error).__name__
    return f"DATABASE_URL: cannot be used ({reason}); make it a file that this service can write"
