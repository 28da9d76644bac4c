"""What must happen once happens once, among processes too; and issuing a token writes no row."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database.engine import writing
from auth_server.startup import open_service
from postgresql_server import Database, Server
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as SqlTimeoutError

pytestmark = pytest.mark.databases("postgresql")

FORM = {"grant_type": "client_credentials"}
PROCESSES = 4
# Each process says that it is ready, and begins when the test says so.
RACE = """
import os, sys
from auth_server.app import create_app
from auth_server.startup import apply, open_service

print("ready", flush=True)
sys.stdin.readline()
service = open_service(os.environ)
apply(service)
client = create_app(service).test_client()
form = {"grant_type": "client_credentials"} | eval(sys.argv[1])
print(client.post("/oauth/token", data=form).status_code)
print(*sorted(key.kid for key in service.keys.read().published(service.keys.store.now())))
"""


def race(environ: dict[str, str], form: dict[str, str]) -> list[list[str]]:
    """Let several processes start at once and present the same assertion; return what each printed."""
    command = [sys.executable, "-c", RACE, repr(form)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    here = Path(__file__).parents[2]
    running: list[Any] = [
        subprocess.Popen(command, cwd=here, env=environ, **pipes)  # noqa: S603
        for _ in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate()[0].splitlines() for process in running]


def test_of_processes_that_start_at_once_one_makes_the_keys_and_one_takes_the_assertion(
    environ: dict[str, str],
    empty_database: dict[str, str],
    sign: Callable[..., dict[str, str]],
) -> None:
    printed = race(environ | empty_database, sign())
    statuses = sorted(each[-2] for each in printed)
    assert statuses == ["200", *["401"] * (PROCESSES - 1)]
    assert len({each[-1] for each in printed}) == 1


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_a_writer_sees_what_the_one_before_wrote_whatever_the_default_level(
    new_engine: Callable[[], Engine], postgresql: Server, level: str
) -> None:
    """Under a higher level, a transaction sees the state from before it waited for the lock."""
    engine = new_engine()
    with engine.connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
    with postgresql.admin.connect() as connection:
        statement = f"ALTER DATABASE {name} SET default_transaction_isolation = '{level}'"
        connection.execute(statement.encode())
    engine.dispose()
    with writing(engine) as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_issuing_tokens_to_a_client_with_a_secret_writes_no_row(
    environ: dict[str, str], database: Database
) -> None:
    """But for the use of the secret, once a minute."""
    service = open_service(environ)
    client = create_app(service).test_client()
    for _ in range(20):
        assert client.post("/oauth/token", data=FORM, auth=("job", "job-secret")).status_code == 200
    service.engine.dispose()  # a session reports its statistics at its end
    with database.connect() as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        rows = connection.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
        ).fetchall()
    # The copy of the database begins without statistics.
    assert {name: written for name, written in rows if written} == {"secret_uses": 1}


def write(engine: Engine, wait: float) -> None:
    with writing(engine, wait) as connection:
        connection.execute(text("SELECT 1"))


def test_a_writer_gives_up_if_others_write_for_too_long(new_engine: Callable[[], Engine]) -> None:
    one, other = new_engine(), new_engine()
    with writing(one), pytest.raises(SqlTimeoutError, match="other processes have been writing for"):
        write(other, 0.1)
    write(other, 0.1)


def end_of_a_writer(engine: Engine, server: Server) -> None:
    """End the session of a process that is writing, as the server does when the process is killed."""
    with writing(engine) as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with server.admin.connect() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.execute(text("SELECT 1"))


def test_a_writer_that_is_killed_lets_the_next_one_write(
    new_engine: Callable[[], Engine], postgresql: Server
) -> None:
    one, other = new_engine(), new_engine()
    with pytest.raises(OperationalError):
        end_of_a_writer(one, postgresql)
    write(other, 10)
