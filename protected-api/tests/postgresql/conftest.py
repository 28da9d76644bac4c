"""A database of PostgreSQL for each test of this folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from protected_api.postgresql.database import PostgresqlDatabase
from protected_api.timesheets.models import Entry


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def served(new_database: Callable[[], Any]) -> Any:
    """Return an empty database of the shared server, as its owner sees it."""
    return new_database()


@pytest.fixture
def another(served: Any, tmp_path: Path) -> Iterator[Callable[..., PostgresqlDatabase]]:
    """Return a function that opens the database once more, as another instance would."""
    password_file = served.write_password(tmp_path)
    opened = []

    def open_it(parameters: str = "") -> PostgresqlDatabase:
        opened.append(PostgresqlDatabase(served.url() + parameters, str(password_file)))
        return opened[-1]

    yield open_it
    for database in opened:
        database.disconnect()


@pytest.fixture
def entries() -> Callable[..., dict[int, Entry]]:
    """Return a function that makes the entries of an upload from their external_ids."""
    more = {"user_id": "u1", "date": "2026-11-02", "project": "P", "hours": "7.25"}

    def make(*external_ids: str, **changes: str) -> dict[int, Entry]:
        return dict(
            enumerate(Entry.model_validate({"external_id": each, **more, **changes}) for each in external_ids)
        )

    return make
