"""What the columns hold, on both kinds of databases."""

import pytest
from auth_server.database.tables import UNIX_TIME, ClientIds, metadata
from sqlalchemy.dialects import postgresql, sqlite


@pytest.mark.parametrize("client_id", ["api", "1", "null", "a b"])
def test_reads_the_only_client_id_of_an_earlier_version_as_a_list(client_id: str) -> None:
    dialect = sqlite.dialect()
    column = ClientIds()
    assert column.process_result_value(client_id, dialect) == [client_id]
    assert column.process_result_value(column.process_bind_param([client_id], dialect), dialect) == [
        client_id
    ]


def test_a_time_does_not_end_in_2038() -> None:
    endings = ("_at", "_until", "_from", "_used")
    columns = [column for table in metadata.sorted_tables for column in table.columns]
    times = {column.name for column in columns if column.name.endswith(endings)}
    assert times == {column.name for column in columns if column.type is UNIX_TIME}
    assert str(UNIX_TIME.compile(postgresql.dialect())) == "BIGINT"  # type: ignore[no-untyped-call]
