"""What all tests share: the settings of hypothesis, and PostgreSQL for those that ask for it.

A slow machine is no error to hypothesis.
"""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from postgresql_server import (
    URL,
    Container,
    Database,
    Server,
    new_container,
    remove_old_containers,
    server_of_url,
    why_no_container,
)

pytest_plugins = ["proof.fuzz.plugin"]
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_STATE = "STATE_OF_POSTGRESQL"  # the file by which the processes of a run share one container
_owner = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the file before pytest-xdist starts its workers, which inherit the variable."""
    config.stash[_owner] = _STATE not in os.environ
    if config.stash[_owner]:
        name = f"postgresql-of-tests-{secrets.token_hex(4)}.json"
        os.environ[_STATE] = str(Path(tempfile.gettempdir()) / name)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the container, if any test needed it, when all workers have ended."""
    if not config.stash[_owner]:
        return
    file = Path(os.environ.pop(_STATE))
    if file.exists():
        if text := file.read_text("utf-8"):
            Container(**json.loads(text)).remove()
        file.unlink()


@pytest.fixture(scope="session")
def postgresql() -> Server:
    """Return the server that all tests share: that of POSTGRESQL_URL, or one in a container."""
    if os.environ.get(URL):
        return server_of_url(os.environ[URL])
    _skip_without_containers()
    state = Path(os.environ[_STATE])
    state.touch(0o600)  # it holds a password
    with state.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        if text:
            return Container(**json.loads(text)).server
        remove_old_containers()
        container = new_container(state.stem)
        container.remove()  # another worker was killed while it started
        container.run("--rm", "--tmpfs", "/var/lib/postgresql/data")
        json.dump(asdict(container), file)
        return container.server


@pytest.fixture(scope="session")
def new_database(postgresql: Server) -> Iterator[Callable[[], Database]]:
    """Return a function that creates an empty database, which is dropped at the end of the session."""
    databases: list[Database] = []

    def make() -> Database:
        databases.append(postgresql.new_database())
        return databases[-1]

    yield make
    for database in databases:
        postgresql.drop(database)


@pytest.fixture
def own_postgresql() -> Iterator[Container]:
    """Start a server for one test, which may stop, kill and start it again."""
    _skip_without_containers()
    container = new_container(f"postgresql-of-a-test-{secrets.token_hex(4)}")
    try:
        container.run()
        yield container
    finally:
        container.remove()


def _skip_without_containers() -> None:
    reason = why_no_container()
    if reason:
        pytest.skip(f"PostgreSQL: {reason}")
