"""PostgreSQL for tests and benchmarks: the server at POSTGRESQL_URL, or containers that are started here.

A container ends after an hour whatever happens to the process that started it.
"""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

IMAGE = "postgres:17"
LABEL = "postgresql-of-tests"
URL = "POSTGRESQL_URL"
_LIFE = 3600  # seconds
_START = 60  # seconds
# What is lost when the host loses its power, no test needs.
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@dataclass(frozen=True, slots=True)
class Database:
    """A database, and who owns it."""

    host: str
    port: int
    user: str
    name: str
    password: str = field(repr=False)

    def url(self, scheme: str = "postgresql") -> str:
        """Return the URL, which has no password."""
        return f"{scheme}://{self.user}@{self.host}:{self.port}/{self.name}"

    def write_password(self, folder: Path) -> Path:
        """Write the password into a file of this folder; return the file."""
        file = folder / "database-password"
        file.write_text(self.password + "\n", encoding="utf-8")
        return file

    def connect(self, **options: Any) -> psycopg.Connection:
        """Connect, in autocommit mode."""
        return psycopg.connect(self.url(), autocommit=True, password=self.password, **options)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, known by the database of its administrator."""

    admin: Database

    def new_database(self, template: str = "template1", options: str = "") -> Database:
        """Create a database with an owner of its own, who may create nothing outside it."""
        name = f"t{secrets.token_hex(6)}"
        password = secrets.token_urlsafe(16)
        with self.admin.connect() as connection:
            role = sql.Identifier(name)
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password))
            )
            made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ").format(
                role, role, sql.Identifier(template)
            )
            connection.execute(made + sql.SQL(options))
        return Database(self.admin.host, self.admin.port, name, name, password)

    def copy(self, database: Database) -> Database:
        """Copy a database, which nobody may be connected to, with its owner."""
        name = f"t{secrets.token_hex(6)}"
        with self.admin.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    *map(sql.Identifier, (name, database.user, database.name))
                )
            )
        return Database(database.host, database.port, database.user, name, database.password)

    def drop(self, database: Database) -> None:
        """Drop a database, and end the connections to it; its owner stays."""
        with self.admin.connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name))
            )


def server_of_url(url: str) -> Server:
    """Return the server of an administrator's URL, postgresql://user:password@host:port/database."""
    parts = urlsplit(url)
    name = parts.path.removeprefix("/") or "postgres"
    user, password = (unquote(part or "") for part in (parts.username, parts.password))
    return Server(Database(parts.hostname or "127.0.0.1", parts.port or 5432, user, name, password))


@dataclass(frozen=True, slots=True)
class Container:
    """A server in a container, on a loopback port that stays the same when it is started again."""

    name: str
    port: int
    password: str = field(repr=False)

    @property
    def server(self) -> Server:
        """Return the server."""
        return Server(Database("127.0.0.1", self.port, "postgres", "postgres", self.password))

    def run(self, *options: str, settings: Iterable[str] = _FAST) -> None:
        """Create the container and wait until the server answers."""
        set_to = [argument for setting in (*settings, "max_connections=300") for argument in ("-c", setting)]
        publish = ("--publish", f"127.0.0.1:{self.port}:5432", "--env", "POSTGRES_PASSWORD")
        named = ("--detach", "--name", self.name, "--label", LABEL)
        program = ("timeout", str(_LIFE), "docker-entrypoint.sh", "postgres", *set_to)
        _docker("run", *named, *publish, *options, IMAGE, *program, POSTGRES_PASSWORD=self.password)
        self._wait()

    def start(self) -> None:
        """Start a stopped server and wait until it answers."""
        _docker("start", self.name)
        self._wait()

    def stop(self) -> None:
        """Stop the server, which ends its connections, as an operator does."""
        _docker("stop", self.name)

    def kill(self) -> None:
        """Kill the server."""
        _docker("kill", self.name)

    def pause(self) -> None:
        """Freeze the server: its host still takes what is sent, and nothing answers."""
        _docker("pause", self.name)

    def unpause(self) -> None:
        """Let the server go on."""
        _docker("unpause", self.name)

    def remove(self) -> None:
        """Remove the container and its data, if they are there."""
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)

    def _wait(self) -> None:
        end = time.monotonic() + _START
        while True:
            try:
                self.server.admin.connect(connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return


def new_container(name: str) -> Container:
    """Return a container that does not run yet; its port is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Container(name, port, secrets.token_urlsafe(16))


def why_no_container() -> str:
    """Return why no container can be started without a download; empty: one can be."""
    try:
        present = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
        engine = subprocess.run(["docker", "info"], capture_output=True, check=False)
    except OSError:
        return f"there is no Docker; set {URL}"
    if engine.returncode:
        return f"no Docker Engine answers; start one or set {URL}"
    if present.returncode and not os.environ.get("CI"):
        return f"the image is not here; docker pull {IMAGE}"
    return ""


def remove_old_containers() -> None:
    """Remove what an earlier process was killed before it could remove."""
    filters = ("--filter", f"label={LABEL}", "--filter", "until=2h")
    _docker("container", "prune", "--force", *filters)


def _docker(*arguments: str, **environment: str) -> None:
    done = subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"docker {arguments[0]}: {done.stderr}")
