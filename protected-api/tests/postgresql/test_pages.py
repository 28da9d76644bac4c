"""A page is found in PostgreSQL at a cost that does not grow with the table, with or without statistics."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
import pytest
from protected_api.postgresql.database import PostgresqlDatabase
from protected_api.postgresql.pages import read_page
from protected_api.timesheets.models import Query

pytestmark = pytest.mark.long
# The last ten rows alone are of Anna, of the project Rare, of December, or approved.
FILL = """
INSERT INTO timesheets (client_id, external_id, hours, user_id, project, date, approved_at)
SELECT 'job', n::text, 100,
    CASE WHEN late THEN 'Anna' ELSE 'u' || mod(n, 1000) END,
    CASE WHEN late THEN 'Rare' ELSE 'p' || mod(n, 25) END,
    CASE WHEN late THEN '2026-12-01' ELSE '2026-11-' || to_char(1 + n * 27 / %(count)s, 'FM00') END,
    CASE WHEN late THEN '2026-12-02T00:00:00Z' END
FROM (SELECT n, n > %(count)s - 10 AS late FROM generate_series(1, %(count)s) AS n) AS numbers
"""
SIZES = (25_000, 200_000)
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
LATER = [{"from": "2026-11-14", "to": "2026-11-20"}, {"project": "p7", "from": "2026-11-14"}]


def one_or_two(filters: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Return the filters, each alone and any two together."""
    pairs = itertools.combinations(filters, 2)
    return [{name: filters[name] for name in names} for names in [*((name,) for name in filters), *pairs]]


class Explaining:
    """A connection that counts the blocks that its statements read, and names the indexes that they use."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.blocks = 0
        self.scans: set[tuple[str, str | None]] = set()

    def execute(self, sql: str, values: Mapping[str, Any]) -> Any:
        """Execute a statement, and explain it before that."""
        explained = self.connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", values
        ).fetchone()
        assert explained
        [[explanation]] = explained
        plan = explanation["Plan"]
        self.blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self._add_scans(plan)
        return self.connection.execute(sql, values)

    def _add_scans(self, plan: Mapping[str, Any]) -> None:
        if plan.get("Relation Name") == "timesheets":
            self.scans.add((plan["Node Type"], plan.get("Index Name")))
        for part in plan.get("Plans", []):
            self._add_scans(part)


@pytest.fixture(scope="module")
def filled(
    new_database: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory
) -> list[PostgresqlDatabase]:
    """Return a database of each size."""
    databases = []
    for count in SIZES:
        served = new_database()
        password_file = served.write_password(tmp_path_factory.mktemp("database"))
        databases.append(PostgresqlDatabase(served.url(), str(password_file)))
        databases[-1].prepare()
        with served.connect() as owner:
            owner.execute("ALTER TABLE timesheets SET (autovacuum_enabled = off)")
            owner.execute(FILL, {"count": count})
    return databases


@pytest.fixture(scope="module", params=["without statistics", "with statistics"])
def small_and_large(
    filled: list[PostgresqlDatabase], request: pytest.FixtureRequest
) -> Iterator[Sequence[psycopg.Connection[Any]]]:
    """Yield a connection to each database, as the API has it, but without time-outs."""
    connections = [database._connections.connect({}) for database in filled]
    if request.param == "with statistics":
        for connection in connections:
            connection.execute("ANALYZE timesheets")
    yield connections
    for connection in connections:
        connection.close()


@pytest.mark.parametrize(
    "filters", [*one_or_two(SELECTIVE), *one_or_two(UNSELECTIVE), *DISJOINT, *LATER], ids=str
)
def test_costs_about_the_same_in_a_much_larger_table(
    small_and_large: Sequence[psycopg.Connection[Any]], filters: Mapping[str, str]
) -> None:
    small, large = (Explaining(connection) for connection in small_and_large)
    for explaining in (small, large):
        read_page(explaining, "id, user_id", Query.model_validate(filters), 20)  # type: ignore[arg-type]
    assert all(kind != "Seq Scan" for kind, _ in large.scans), large.scans
    assert large.blocks < small.blocks * 1.2 + 400  # the table has more than 2,000
