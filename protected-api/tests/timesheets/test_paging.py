"""A page has the timesheets that its filters accept, whichever database holds them."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from protected_api.databases import open_database
from protected_api.settings import Settings
from protected_api.timesheets.database import Database
from protected_api.timesheets.models import Query

BLOCK = 131072  # ids in a block of SQLite's indexes, and in eight of PostgreSQL's
Row = tuple[int, str, str, str, str | None]
FILTERS = {"user_id": "u3", "project": "p2", "from": "2026-11-12", "to": "2026-11-20"}
INSERT = """
INSERT INTO timesheets (id, client_id, external_id, hours, user_id, project, date, approved_at)
{} VALUES ({}, 'job', {}, 100, {}, {}, {}, {})
"""
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)


def scattered(seed: int) -> list[Row]:
    """Return a few hundred rows in eight blocks, some of them in dense groups."""
    chance = random.Random(seed)  # noqa: S311 the same rows at each run
    starts = [number * BLOCK + offset for number in range(8) for offset in (-3, 0, 900, 30_000)]
    ids = {start + chance.randrange(40) for start in starts for _ in range(20)} - {-3, -2, -1, 0}
    return [
        (
            each,
            f"u{chance.randrange(5)}",
            f"p{chance.randrange(4)}",
            f"2026-11-{chance.randrange(1, 29):02}",
            chance.choice([None, None, "2026-12-01T00:00:00Z"]),
        )
        for each in sorted(ids)
    ]


def accepted(row: Row, query: Query) -> bool:
    """Return whether the filters accept a row: what read_page must agree with."""
    _, user_id, project, date, approved_at = row
    wanted: Any = query.approved
    return (
        query.user_id in (None, user_id)
        and query.project in (None, project)
        and (query.from_ or "") <= date <= (query.to or "~")
        and wanted in (None, approved_at is not None)
    )


@pytest.fixture(scope="module")
def blocks(shared_settings: Settings, connected: Any) -> Iterator[Database]:
    """Yield a database with the scattered rows."""
    rows = [(row[0], str(row[0]), *row[1:]) for row in scattered(seed=1)]
    overriding, placeholder = (
        ("", "?") if shared_settings.database_file else ("OVERRIDING SYSTEM VALUE", "%s")
    )
    with connected(shared_settings) as connection:
        connection.cursor().executemany(INSERT.format(overriding, *[placeholder] * 6), rows)
    database = open_database(
        shared_settings.database_file, shared_settings.database_url, shared_settings.database_password_file
    )
    yield database
    database.disconnect()


@pytest.mark.parametrize("approved", ["true", "false", None])
@pytest.mark.parametrize("names", [c for n in range(5) for c in itertools.combinations(FILTERS, n)])
def test_has_what_every_combination_of_filters_accepts(
    blocks: Database, names: tuple[str, ...], approved: str | None
) -> None:
    filters = {name: FILTERS[name] for name in names}
    if approved:
        filters["approved"] = approved
    for cursor in (0, 17, BLOCK - 1, BLOCK, 3 * BLOCK + 950, 9 * BLOCK, 2**63 - 1):
        query = Query.model_validate({**filters, "cursor": str(cursor)})
        expected = [row[0] for row in scattered(seed=1) if row[0] > cursor and accepted(row, query)]
        for count in (1, 5, 501):
            found = blocks.page("id, date", query, count)
            assert [row[0] for row in found] == expected[:count]


def test_finds_nothing_in_a_range_that_ends_before_it_begins(blocks: Database) -> None:
    query = Query.model_validate({"from": "2026-11-20", "to": "2026-11-12"})
    assert not blocks.page("id", query, 5)
