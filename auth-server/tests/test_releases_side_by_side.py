"""An instance of the old release restarts in a rolling update, with an older tenant file and schema."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from auth_server.app import create_app
from auth_server.database.migrations import MIGRATIONS, add_column, migrate
from auth_server.startup import Service, open_service
from auth_server.tenant_at_start import apply_or_compare

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def add_note(connection: sa.Connection) -> None:
    """Add a column, as the new release does."""
    notes = sa.Table("clients", sa.MetaData(), sa.Column("note", sa.String))
    add_column(connection, notes.c.note)


def granted(service: Service) -> str:
    """Return the scopes of a new token, or the error."""
    form = {"grant_type": "client_credentials"}
    client = create_app(service).test_client()
    answer = client.post("/oauth/token", data=form, auth=("job", "job-secret")).get_json()
    return str(answer.get("scope") or answer["error"])


def test_it_undoes_nothing_and_both_serve_what_the_new_release_has_applied(
    environ: dict[str, str],
    start: Callable[[dict[str, str]], Service],
    open_engine: Callable[[dict[str, str]], sa.Engine],
) -> None:
    engine = open_engine(environ)
    migrate(engine, (*MIGRATIONS, add_note))
    tenant = Path(environ["TENANT_FILE"])
    old = tenant.read_text()
    tenant.write_text(old.replace("scopes: [read, write]}", "scopes: [read]}"))
    new_release = start(environ)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE clients SET note = 'of the new release'")

    tenant.write_text(old)
    for _ in range(2):
        old_release = open_service(environ | {"TENANT_APPLY": "command"})
        apply_or_compare(old_release)
        assert (granted(old_release), granted(new_release)) == ("read", "read")
        old_release.engine.dispose()
    with engine.connect() as connection:
        notes = set(connection.exec_driver_sql("SELECT note FROM clients").scalars())
        numbers = connection.exec_driver_sql("SELECT max(number) FROM auth_server_migrations").scalar()
    assert (notes, numbers) == ({"of the new release"}, len(MIGRATIONS) + 1)
