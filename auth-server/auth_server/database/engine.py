"""Open the database that DATABASE_URL names, and write to it. Each kind has a module of its own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import sqlalchemy as sa

from auth_server.database.tables import revoked_tokens

LONGEST_WAIT = 30  # seconds, for a start: another one may be making keys
_KINDS = {"sqlite": "auth_server.database.sqlite", "postgresql": "auth_server.postgresql.database"}


class _Kind(Protocol):
    """What the module of a kind of database has."""

    def create_engine(self, url: str, password_file: Path | None) -> sa.Engine: ...
    def writing(self, engine: sa.Engine, wait: float) -> AbstractContextManager[sa.Connection]: ...
    def problem(self, error: sa.exc.SQLAlchemyError) -> str: ...


def _kind(name: str) -> _Kind:
    """Import the module by its name, so that the base neither needs nor loads psycopg."""
    return cast("_Kind", import_module(_KINDS[name]))


def create_database_engine(url: str, password_file: Path | None = None) -> sa.Engine:
    """Return the engine, which opens nothing before its first use.

    It hides parameters, because an exception goes to the log and parameters do not.
    """
    return _kind(sa.make_url(url).get_backend_name()).create_engine(url, password_file)


@contextmanager
def writing(engine: sa.Engine, wait: float = LONGEST_WAIT) -> Iterator[sa.Connection]:
    """Open the only transaction of several statements, so that what it reads stays true until it commits.

    Others wait for it, on PostgreSQL for this number of seconds.
    """
    with _kind(engine.dialect.name).writing(engine, wait) as connection:
        yield connection


def check_writable(engine: sa.Engine) -> None:
    """Delete nothing; raise SQLAlchemyError if the database takes no writes now."""
    with engine.begin() as connection:
        connection.execute(sa.delete(revoked_tokens).where(sa.false()))


def database_problem(engine: sa.Engine, error: sa.exc.SQLAlchemyError) -> str:
    """Return why the database cannot be used, and what to do."""
    return _kind(engine.dialect.name).problem(error)
