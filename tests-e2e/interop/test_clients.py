"""The clients that CI runs do what the table of docs/other-clients.md says."""

from collections.abc import Iterator

import pytest

from interop.rows import Row, read_measured, read_rows
from interop.sides.clients import Rows, started

pytestmark = pytest.mark.interop
ROWS = [row for row in read_rows("clients") if row.ci]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """Start what all rows need."""
    with started(tmp_path_factory.mktemp("interop")) as all_rows:
        yield all_rows


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_a_client_does_what_the_table_says(row: Row, rows: Rows) -> None:
    seen = rows.run(row)
    expected = read_measured("clients")[row.name]
    assert {**seen, "date": ""} == {**expected, "date": ""}
