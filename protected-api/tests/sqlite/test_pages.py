"""A page is found in SQLite at a cost that does not grow with the table. Not here: test_paging.py."""

import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from protected_api.sqlite.blocks import Blocks
from protected_api.sqlite.database import SqliteDatabase
from protected_api.sqlite.pages import read_page
from protected_api.timesheets.models import Query

Row = tuple[int, str, str, str, str | None]


def database(folder: Path, rows: Iterator[Row] | list[Row]) -> sqlite3.Connection:
    """Return a database with these rows: id, user, project, date, time of approval."""
    SqliteDatabase(str(folder / "timesheets.db")).prepare()
    connection = sqlite3.connect(folder / "timesheets.db", isolation_level=None)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO timesheets (id, client_id, external_id, hours, user_id, project, date, approved_at)"
        " VALUES (?1, 'job', ?1, 100, ?2, ?3, ?4, ?5)",
        rows,
    )
    connection.commit()
    return connection


def test_is_of_one_moment_while_another_process_deletes(tmp_path: Path) -> None:
    """A page that is short of one row would say that there is no next page."""
    with (
        closing(database(tmp_path, growing(25_000))) as connection,
        closing(sqlite3.connect(tmp_path / "timesheets.db", isolation_level=None)) as other,
    ):
        connection.commit()

        def delete(sql: str) -> None:
            if sql.startswith("SELECT id FROM timesheets WHERE"):  # the ids are found: their rows are read
                other.execute("DELETE FROM timesheets WHERE user_id = 'Anna'")

        connection.set_trace_callback(delete)
        assert len(read_page(connection, Blocks(), "id", Query(project="Rare"), 10)) == 10


def steps(connection: sqlite3.Connection, filters: Mapping[str, Any]) -> int:
    """Return how many instructions SQLite's virtual machine takes for a page of 20, in tens."""
    taken = itertools.count()
    connection.set_progress_handler(lambda: next(taken) and None, 10)
    read_page(connection, Blocks(), "id, user_id", Query.model_validate(filters), 20)
    connection.set_progress_handler(None, 10)
    return next(taken)


def growing(count: int) -> Iterator[Row]:
    """Yield rows whose last ten alone are of Anna, of the project Rare, of December, or approved."""
    for number in range(1, count + 1):
        row: Row = (
            number,
            f"u{number % 1000}",
            f"p{number % 25}",
            f"2026-11-{1 + number * 27 // count:02}",
            None,
        )
        if number > count - 10:
            row = (number, "Anna", "Rare", "2026-12-01", "2026-12-02T00:00:00Z")
        yield row


SELECTIVE = {"user_id": "Anna", "project": "Rare", "from": "2026-12-01", "approved": "true"}
UNSELECTIVE = {"user_id": "u7", "project": "p7", "to": "2026-11-20", "approved": "false"}
DISJOINT = [
    {"user_id": "u7", "project": "p8"},
    {"user_id": "u7", "from": "2026-12-01"},
    {"user_id": "u7", "approved": "true"},
    {"project": "p7", "from": "2026-12-01"},
    {"project": "p7", "approved": "true"},
    {"to": "2026-11-20", "approved": "true"},
]


def one_or_two(filters: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Return the filters, each alone and any two together."""
    pairs = itertools.combinations(filters, 2)
    return [{name: filters[name] for name in names} for names in [*((name,) for name in filters), *pairs]]


@pytest.fixture(scope="module")
def small_and_large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[sqlite3.Connection]]:
    """Yield a database with 25,000 timesheets and one with 140,000, which are in two blocks."""
    folders = [tmp_path_factory.mktemp("database") for _ in range(2)]
    connections = [
        database(folder, growing(count)) for folder, count in zip(folders, (25_000, 140_000), strict=True)
    ]
    yield connections
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("filters", [*one_or_two(SELECTIVE), *one_or_two(UNSELECTIVE), *DISJOINT], ids=str)
def test_costs_about_the_same_in_a_much_larger_table(
    small_and_large: list[sqlite3.Connection], filters: Mapping[str, str]
) -> None:
    small, large = (steps(connection, filters) for connection in small_and_large)
    assert large < small * 1.2 + 200  # a read of the whole table takes more than 100,000
