"""A stage whose servers keep their data in PostgreSQL, which runs in a container."""

import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from live_stack import eventually, free_ports
from postgresql_server import Container, Database
from psycopg import sql

from drills.stage import Stage

# By service: the scheme of its DATABASE_URL, the line that names its SQLite database, and the next line.
SERVICES = {
    "auth-server": ("postgresql+psycopg", "DATABASE_URL: sqlite:////data/auth-server.db", "TENANT_FILE:"),
    "protected-api": ("postgresql", "DATABASE_FILE: /data/timesheets.db", "JWKS_FILE:"),
}


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A server in a container, and the database of each service."""

    container: Container
    databases: dict[str, Database]

    def run(self, *command: str, given: bytes = b"") -> bytes:
        """Run a program of PostgreSQL as its administrator, in the container; return what it prints."""
        run = ["docker", "exec", "--interactive", "--user", "postgres", self.container.name, *command]
        return subprocess.run(run, input=given, capture_output=True, timeout=60, check=True).stdout


@contextmanager
def on_postgresql(stage: Stage, *services: str, flushed: bool = True) -> Iterator[Postgresql]:
    """Give each of these services a database; `flushed`: a commit is answered when it is written."""
    (port,) = free_ports(1)
    container = Container(f"drill-{secrets.token_hex(4)}", port, secrets.token_urlsafe(16))
    try:
        container.run()
        databases = {service: container.server.new_database() for service in services}
        for service, database in databases.items():
            if flushed:  # the container's own setting is the other one, for tests
                _set(container, "ALTER DATABASE {} SET synchronous_commit = on", database.name)
            _use(stage, service, database)
        yield Postgresql(container, databases)
    finally:
        signal.alarm(0)  # nothing may break this off
        container.remove()


def _use(stage: Stage, service: str, database: Database) -> None:
    scheme, sqlite, next_line = SERVICES[service]
    password = stage.stack.folder / f"password-of-{service}"
    password.write_text(database.password)
    stage.stack.edit("docker-compose.yml", f"      {sqlite}\n", "")
    stage.set(next_line, DATABASE_URL=database.url(scheme), DATABASE_PASSWORD_FILE=str(password))


def set_read_only(container: Container, read_only: bool) -> None:
    """Let the server refuse writes, in open connections too, or take them again; return when it does."""
    value = "on" if read_only else "off"
    _set(container, f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    _set(container, "SELECT pg_reload_conf()")  # which returns before the setting is in force
    eventually(lambda: _read_only(container) == value or None, f"default_transaction_read_only = {value}")


def _read_only(container: Container) -> str:
    with container.server.admin.connect() as connection:
        (value,) = connection.execute("SHOW default_transaction_read_only").fetchone() or ("",)
    return str(value)


def _set(container: Container, statement: str, *names: str) -> None:
    writing = "-c default_transaction_read_only=off"
    with container.server.admin.connect(options=writing) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
