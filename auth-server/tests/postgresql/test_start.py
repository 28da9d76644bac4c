"""What is wrong with a PostgreSQL database is said at the start, and the password never."""

from collections.abc import Callable
from pathlib import Path

import pytest
from auth_server.settings_reader import SettingsError
from auth_server.startup import open_service
from postgresql_server import Database, Server
from psycopg import sql
from sqlalchemy import Engine


def problem(environ: dict[str, str], database: Database, folder: Path) -> str:
    """Return the only problem of a start."""
    settings = {
        "DATABASE_URL": database.url("postgresql+psycopg"),
        "DATABASE_PASSWORD_FILE": str(database.write_password(folder)),
    }
    with pytest.raises(SettingsError) as caught:
        open_service(environ | settings)
    (only,) = caught.value.problems
    assert database.password not in only
    return only


def changed(database: Database, **values: str) -> Database:
    members = {name: getattr(database, name) for name in ("host", "port", "user", "name", "password")}
    return Database(**members | values)


def wrong_password(database: Database, _server: Server) -> Database:
    return changed(database, password="wrong-" + database.password)


def no_database(database: Database, _server: Server) -> Database:
    return changed(database, name="nothing")


def another_owner(database: Database, server: Server) -> Database:
    other = server.new_database()
    return changed(other, name=database.name)


def another_encoding(_database: Database, server: Server) -> Database:
    return server.new_database("template0", "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")


def read_only(database: Database, server: Server) -> Database:
    with server.admin.connect() as connection:
        statement = "ALTER DATABASE {} SET default_transaction_read_only = on"
        connection.execute(sql.SQL(statement).format(sql.Identifier(database.name)))
    return database


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (wrong_password, "password authentication failed for user"),
        (no_database, 'database "nothing" does not exist'),
        (another_owner, "permission denied for schema public"),
        (another_encoding, "its encoding is LATIN1"),
        (read_only, "session is read-only"),
    ],
)
def test_says_why_it_cannot_use_the_database(
    environ: dict[str, str],
    postgresql: Server,
    tmp_path: Path,
    broken: Callable[[Database, Server], Database],
    reason: str,
) -> None:
    said = problem(environ, broken(postgresql.new_database(), postgresql), tmp_path)
    assert said.startswith("DATABASE_URL: cannot be used (")
    assert reason in said
    assert said.endswith("); name a database of UTF8 that this user owns")


def test_says_that_the_password_file_cannot_be_read(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "nowhere"
    settings = {"DATABASE_URL": "postgresql+psycopg://a@127.0.0.1/a", "DATABASE_PASSWORD_FILE": str(file)}
    with pytest.raises(SettingsError) as caught:
        open_service(environ | settings)
    (said,) = caught.value.problems
    reason = f"[Errno 2] No such file or directory: '{file}'"
    assert said == f"DATABASE_PASSWORD_FILE: {file} cannot be read ({reason}); write the password there"


def test_takes_another_password_from_the_file_without_a_restart(
    postgresql: Server,
    tmp_path: Path,
    open_engine: Callable[[dict[str, str]], Engine],
) -> None:
    database = postgresql.new_database()
    settings = {
        "DATABASE_URL": database.url("postgresql+psycopg"),
        "DATABASE_PASSWORD_FILE": str(database.write_password(tmp_path)),
    }
    engine = open_engine(settings)
    with postgresql.admin.connect() as connection:
        statement = sql.SQL("ALTER ROLE {} PASSWORD 'another'").format(sql.Identifier(database.user))
        connection.execute(statement)
    changed(database, password="another").write_password(tmp_path)
    engine.connect().close()
