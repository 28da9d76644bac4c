"""The database file: in WAL mode, adopted from an earlier version."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from auth_server.app import create_app
from auth_server.clients.secret_uses import SecretUse, SecretUses
from auth_server.database import ClientIds, create_database_engine
from auth_server.startup import apply, open_service
from sqlalchemy.dialects import sqlite


def test_a_new_file_is_switched_to_wal_later_if_another_process_is_writing(tmp_path: Path) -> None:
    """SQLite refuses the switch at once."""
    file = tmp_path / "new.db"
    engine = create_database_engine(f"sqlite:///{file}")
    modes = []
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in ("BEGIN IMMEDIATE", "COMMIT"):
            other.execute(statement)
            with engine.connect() as connection:
                modes.append(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
            engine.dispose()
    assert modes == ["delete", "wal"]


EARLIER = (
    "ALTER TABLE secret_uses DROP COLUMN first_used",
    "UPDATE apis SET introspected_by = 'api' WHERE introspected_by IS NOT NULL",
    "INSERT INTO secret_uses VALUES ('job', x'01', 1000)",
)


def test_adopts_the_database_of_an_earlier_version(environ: dict[str, str], tmp_path: Path) -> None:
    """One client introspected for an API, and the first use of a secret was not recorded."""
    with closing(sqlite3.connect(tmp_path / "auth-server.db", isolation_level=None)) as earlier:
        for statement in EARLIER:
            earlier.execute(statement)
    service = open_service(environ)
    assert apply(service) == []
    client = create_app(service).test_client()
    form = {"grant_type": "client_credentials"}
    token = client.post("/oauth/token", data=form, auth=("job", "job-secret")).get_json()["access_token"]
    introspected = client.post("/oauth/introspect", data={"token": token}, auth=("api", "api-secret"))
    assert introspected.get_json()["active"] is True
    uses = dict(SecretUses(service.engine).read())
    assert uses.pop(("job", b"\1")) == SecretUse(None, 1000)
    assert {use.first == use.last for use in uses.values()} == {True}
    service.engine.dispose()


@pytest.mark.parametrize("client_id", ["api", "1", "null", "a b"])
def test_reads_the_only_client_id_of_an_earlier_version_as_a_list(client_id: str) -> None:
    dialect = sqlite.dialect()
    column = ClientIds()
    assert column.process_result_value(client_id, dialect) == [client_id]
    assert column.process_result_value(column.process_bind_param([client_id], dialect), dialect) == [
        client_id
    ]
