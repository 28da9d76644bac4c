"""A read looks only into blocks that may have its dates. Not here: what it costs (test_pages.py)."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from protected_api.sqlite.blocks import Blocks
from protected_api.sqlite.database import SqliteDatabase
from protected_api.timesheets.models import Query

FIRST_IDS = [number << 17 for number in range(4)]
INSERT = """
INSERT INTO timesheets (id, client_id, external_id, hours, user_id, project, date, approved_at)
VALUES (?1, 'job', ?1, 100, 'Anna', 'Rare', ?2, ?3)
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a database of four blocks; the timesheets of the third are deleted."""
    file = str(tmp_path / "timesheets.db")
    SqliteDatabase(file).prepare()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        insert(connection, 1, "2026-01-10")
        insert(connection, 2, "2026-01-20")
        insert(connection, FIRST_IDS[1], "2026-02-20")
        insert(connection, FIRST_IDS[1] + 1, "2026-02-10", "2026-04-01T00:00:00Z")
        insert(connection, FIRST_IDS[3], "2026-03-10")
        yield connection


def insert(connection: sqlite3.Connection, number: int, date: str, approved_at: str | None = None) -> None:
    """Add a timesheet."""
    connection.execute(INSERT, (number, date, approved_at))


def found(connection: sqlite3.Connection, blocks: Blocks, **filters: str) -> list[int]:
    """Return the numbers of the blocks for these filters."""
    return blocks.of_query(connection, Query.model_validate(filters))


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({}, [0, 1, 2, 3]),
        ({"cursor": str(FIRST_IDS[2] + 7)}, [2, 3]),
        ({"cursor": str(FIRST_IDS[3] << 4)}, []),
        ({"to": "2026-01-09"}, [3]),
        ({"to": "2026-01-10"}, [0, 3]),
        ({"to": "2026-02-10"}, [0, 1, 3]),
        ({"from": "2026-01-20"}, [0, 1, 3]),
        ({"from": "2026-01-21"}, [1, 3]),
        ({"from": "2026-02-20"}, [1, 3]),
        ({"from": "2026-02-21"}, [3]),
        ({"from": "2026-01-12", "to": "2026-01-13"}, [0, 3]),
        ({"from": "2026-01-10", "cursor": str(FIRST_IDS[1])}, [1, 3]),
        ({"from": "2026-02-20", "to": "2026-01-10"}, [3]),
    ],
    ids=str,
)
def test_a_query_gets_the_blocks_that_may_have_its_dates(
    connection: sqlite3.Connection, filters: dict[str, str], numbers: list[int]
) -> None:
    """The last block is always one of them: it may get any date at any moment."""
    assert found(connection, Blocks(), **filters) == numbers


def test_an_empty_database_has_one_block() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE timesheets (id INTEGER PRIMARY KEY)")
        assert found(connection, Blocks(), to="2026-01-10") == [0]


def test_finds_a_date_of_the_last_block_after_it_became_full(connection: sqlite3.Connection) -> None:
    blocks = Blocks()
    assert found(connection, blocks, to="2025-12-31") == [3]
    insert(connection, FIRST_IDS[3] + 1, "2025-12-31")
    insert(connection, 4 << 17, "2026-04-10")
    assert found(connection, blocks, to="2025-12-31") == [3, 4]
    assert found(connection, blocks, to="2025-12-30") == [4]


def test_looks_up_the_dates_of_a_full_block_once(connection: sqlite3.Connection) -> None:
    blocks = Blocks()
    found(connection, blocks, to="2026-01-10")
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    assert found(connection, blocks, to="2026-01-10") == [0, 3]
    assert len(statements) == 1  # the last block


def test_a_block_that_is_the_last_one_again_may_have_any_date(connection: sqlite3.Connection) -> None:
    """Another thread may have remembered its dates, from a later state of the database."""
    blocks = Blocks()
    found(connection, blocks, to="2026-01-10")
    connection.execute("DELETE FROM timesheets WHERE id >= ?", (FIRST_IDS[1],))
    assert found(connection, blocks, to="2025-12-31") == [0]
