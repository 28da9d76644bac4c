"""Open the database that DATABASE_URL names, and write to it. Each kind has a module of its own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from auth_server.database import postgresql, sqlite
from auth_server.database.tables import revoked_tokens

LONGEST_WAIT = 30  # seconds, for a start: another one may be making keys


class _Kind(Protocol):
    """What the module of a kind of database has."""

    ADVICE: str

    def create_engine(self, url: str, _password_file: Path | None, /) -> sa.Engine: ...
    def writing(self, engine: sa.Engine, _wait: float, /) -> AbstractContextManager[sa.Connection]: ...


_KINDS: dict[str, _Kind] = {"sqlite": sqlite, "postgresql": postgresql}


def create_database_engine(url: str, password_file: Path | None = None) -> sa.Engine:
    """Return the engine, which opens nothing before its first use.

    It hides parameters, because an exception goes to the log and parameters do not.
    """
    return _KINDS[sa.make_url(url).get_backend_name()].create_engine(url, password_file)


@contextmanager
def writing(engine: sa.Engine, wait: float = LONGEST_WAIT) -> Iterator[sa.Connection]:
    """Open the only transaction of several statements, so that what it reads stays true until it commits.

    Others wait for it, on PostgreSQL for this number of seconds.
    """
    with _KINDS[engine.dialect.name].writing(engine, wait) as connection:
        yield connection


def check_writable(engine: sa.Engine) -> None:
    """Delete nothing; raise SQLAlchemyError if the database takes no writes now."""
    with engine.begin() as connection:
        connection.execute(sa.delete(revoked_tokens).where(sa.false()))


def database_problem(engine: sa.Engine, error: sa.exc.SQLAlchemyError) -> str:
    """Return why the database cannot be used, and what to do."""
    if isinstance(error, postgresql.PasswordFileError):
        return f"DATABASE_PASSWORD_FILE: {error}; write the password there"
    reason = getattr(error, "orig", None) or str(error) or type(error).__name__
    text = " ".join(str(reason).split())  # psycopg's are several lines
    return f"DATABASE_URL: cannot be used ({text}); {_KINDS[engine.dialect.name].ADVICE}"
