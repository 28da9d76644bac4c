"""A PostgreSQL server that the tests of a module may stop, and a service on it."""

import secrets
from collections.abc import Callable, Iterator

import pytest
from postgresql_server import Container, Database, Server, new_container, why_no_container


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """Start a server for the tests of a module; a test that stops it starts it again."""
    reason = why_no_container()
    if reason:
        pytest.skip(f"PostgreSQL: {reason}")
    container = new_container(f"postgresql-of-auth-server-{secrets.token_hex(4)}")
    try:
        container.run()
        yield container
    finally:
        container.remove()


@pytest.fixture(scope="module")
def applied_there(container: Container, new_applied: Callable[[Server], Database]) -> Database:
    """Return a database of that server in which the tenant is applied, to be copied."""
    return new_applied(container.server)


@pytest.fixture
def broken_later(container: Container, applied_there: Database) -> Iterator[Database]:
    """Copy the database."""
    copy = container.server.copy(applied_there)
    yield copy
    container.server.drop(copy)
