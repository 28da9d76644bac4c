"""Whatever happens to the server, callers get a 503 with Retry-After, and the API recovers by itself."""

import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.postgresql.connections import PAUSE
from protected_api.postgresql.database import PostgresqlDatabase
from protected_api.settings import Settings

UNAVAILABLE = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The database is not available.",
}
NOT_READY = {"status": "not ready", "reason": "the database cannot be used"}
ENTRY = {"external_id": "e1", "user_id": "u1", "date": "2026-11-02", "project": "P", "hours": 1}
BOOKING_LOCK = "SELECT pg_advisory_lock(9001, 2)"
END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def upload(client: FlaskClient, bearer: Bearer) -> Callable[[], Any]:
    return lambda: client.post("/timesheets/upload", json=ENTRY, headers=bearer())


def assert_unavailable(answer: Any) -> None:
    assert (answer.status_code, answer.headers["Retry-After"], answer.json) == (503, "2", UNAVAILABLE)


def test_a_connection_that_the_server_closed_costs_no_request(
    upload: Callable[[], Any], settings: Settings, connected: Any
) -> None:
    assert upload().json == {"booked": 1, "unchanged": 0}
    with connected(settings) as other:
        assert len(other.execute(END_OTHERS).fetchall()) == 1
    assert upload().json == {"booked": 0, "unchanged": 1}


def test_a_transaction_that_the_server_ends_books_nothing(
    upload: Callable[[], Any], settings: Settings, connected: Any, eventually: Any
) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with ThreadPoolExecutor(1) as threads, connected(settings) as other:
        other.execute(BOOKING_LOCK)
        answer = threads.submit(upload)
        eventually(lambda: other.execute(waiting).fetchone() == (1,))
        other.execute(END_OTHERS)
        assert_unavailable(answer.result())
    assert upload().json == {"booked": 1, "unchanged": 0}


@contextmanager
def locked(other: psycopg.Connection[Any]) -> Any:
    """Hold what an upload waits for."""
    other.execute(BOOKING_LOCK)
    yield
    other.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def locked_table(other: psycopg.Connection[Any]) -> Any:
    """Hold a table as a careless operator does."""
    with other.transaction():
        other.execute("LOCK TABLE timesheets")
        yield


@contextmanager
def read_only(other: psycopg.Connection[Any]) -> Any:
    """Let new connections only read, as a server that has become a standby does."""
    other.execute(f"ALTER DATABASE {other.info.dbname} SET default_transaction_read_only = on")
    other.execute(END_OTHERS)
    yield
    other.execute("SET default_transaction_read_only = off")
    other.execute(f"ALTER DATABASE {other.info.dbname} RESET default_transaction_read_only")


@contextmanager
def full(other: psycopg.Connection[Any]) -> Any:
    """Let nobody connect any more."""
    other.execute(f"ALTER DATABASE {other.info.dbname} CONNECTION LIMIT 0")
    other.execute(END_OTHERS)
    yield
    other.execute(f"ALTER DATABASE {other.info.dbname} CONNECTION LIMIT -1")


FAILURES = [
    (locked, "lock_timeout%3D50", "canceling statement due to lock timeout"),
    (locked, "statement_timeout%3D50", "canceling statement due to statement timeout"),
    (locked_table, "lock_timeout%3D50", "canceling statement due to lock timeout"),
    (read_only, "jit%3Doff", "session is read-only"),
    (full, "jit%3Doff", "too many connections for database"),
]


@pytest.mark.parametrize(("harm", "option", "reason"), FAILURES)
def test_answers_503_until_the_database_can_be_used(
    settings: Settings,
    bearer: Bearer,
    connected: Any,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
    *,
    harm: Callable[..., Any],
    option: str,
    reason: str,
) -> None:
    url = f"{settings.database_url}?options=-c%20{option}"
    app = create_app(replace(settings, database_url=url))
    app.extensions["keys"].refresh()
    client = app.test_client()
    entries = {"entries": [{**ENTRY, "external_id": f"e{number}"} for number in range(3)]}
    with connected(settings) as other, harm(other):
        assert_unavailable(client.post("/timesheets/upload", json=entries, headers=bearer()))
        assert client.get("/healthz").status_code == 200
        if harm is not locked:  # it locks out who books, and nobody else
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json) == (503, NOT_READY)
    logged = [record.exc_info for record in caplog.records if record.message == "database unavailable"]
    assert [reason in str(info[1]) for info in logged if info] == [True]
    eventually(lambda: client.get("/readyz").status_code == 200)
    assert client.post("/timesheets/upload", json=entries, headers=bearer()).json == {
        "booked": 3,
        "unchanged": 0,
    }


def test_a_primary_that_became_read_only_is_left_at_the_first_write(another: Any) -> None:
    """SQLSTATE 25006: target_session_attrs counted when the connection was opened."""
    database = another()
    database.prepare()
    database.execute("SET default_transaction_read_only = on")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        database.check()
    database.check()


def test_an_instance_that_vanishes_within_a_transaction_frees_its_locks(another: Any) -> None:
    another().prepare()
    vanished = another("?options=-c%20idle_in_transaction_session_timeout%3D50")
    with (
        pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout),
        vanished.transaction(),
        another().transaction(),  # it waits for the lock
    ):
        vanished.insert_missing([("job", None, "e1", "u1", "2026-11-02", "P", 100)])


def test_a_password_that_was_renewed_is_read_again(served: Any, tmp_path: Path) -> None:
    now = [0.0]
    file = served.write_password(tmp_path)
    database = PostgresqlDatabase(served.url(), str(file), lambda: now[0])
    database.prepare()
    with served.connect() as connection:
        connection.execute(f"ALTER ROLE {served.user} PASSWORD 'renewed'")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        database.check()
    file.unlink()
    now[0] += PAUSE
    with pytest.raises(psycopg.OperationalError, match="the file of the password cannot be read"):
        database.check()
    file.write_text("renewed\n")
    now[0] += PAUSE
    database.check()
    database.disconnect()


def test_while_a_server_cannot_be_reached_one_thread_tries_and_the_others_answer() -> None:
    now = [0.0]
    database = PostgresqlDatabase("postgresql://api@127.0.0.1:1/timesheets", None, lambda: now[0])
    for moment, reason in ((0, "Connection refused"), (0.9, "a moment ago"), (1, "Connection refused")):
        now[0] = moment
        with pytest.raises(psycopg.OperationalError, match=reason):
            database.check()


class Relay:
    """Passes bytes on to a server and back; once, it ends a connection in place of a commit's answer."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.loses = True
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # until it is closed
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        committing = False
        with near, socket.create_connection(self.server) as far:
            while True:
                [source, *_], _, _ = select.select([far, near], [], [])
                data = source.recv(65536)
                if not data:
                    return
                if source is far and committing:
                    self.loses = False
                    return
                committing = self.loses and source is near and b"COMMIT" in data
                (far if source is near else near).sendall(data)


def test_an_upload_whose_answer_was_lost_may_be_sent_again(
    settings: Settings, served: Any, bearer: Bearer, tmp_path: Path
) -> None:
    relay = Relay((served.host, served.port))
    port = relay.listener.getsockname()[1]
    url = f"postgresql://{served.user}@127.0.0.1:{port}/{served.name}"
    password_file = str(served.write_password(tmp_path))
    PostgresqlDatabase(served.url(), password_file).prepare()
    app = create_app(replace(settings, database_url=url, database_password_file=password_file))
    app.extensions["keys"].refresh()
    client = app.test_client()
    assert_unavailable(client.post("/timesheets/upload", json=ENTRY, headers=bearer()))
    again = client.post("/timesheets/upload", json=ENTRY, headers=bearer())
    assert again.json == {"booked": 0, "unchanged": 1}
    relay.listener.close()


KILLED = """
import sys
from protected_api.postgresql.database import PostgresqlDatabase
database = PostgresqlDatabase(*sys.argv[1:])
with database.transaction():
    database.insert_missing([("job", None, "e1", "u1", "2026-11-02", "P", 100)])
    print("inserted", flush=True)
    sys.stdin.read()
"""


def test_an_instance_that_is_killed_within_a_transaction_books_nothing_and_frees_its_locks(
    served: Any, another: Any, tmp_path: Path
) -> None:
    database = another()
    database.prepare()
    file = str(served.write_password(tmp_path))
    command = [sys.executable, "-c", KILLED, served.url(), file]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603
        command, stdin=pipe, stdout=pipe, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "inserted\n"
        process.send_signal(signal.SIGKILL)
        with database.transaction():
            inserted = database.insert_missing([("job", None, "e1", "u1", "2026-11-02", "P", 100)])
    assert inserted == 1
