"""The authorization servers that CI runs do what the table of docs/other-servers.md says."""

import pytest

from interop.rows import Row, read_measured, read_rows
from interop.sides.servers import run_row

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in read_rows("servers") if row.ci])
def test_a_server_does_what_the_table_says(row: Row) -> None:
    expected = read_measured("servers")[row.name]
    assert {**run_row(row), "date": ""} == {**expected, "date": ""}
