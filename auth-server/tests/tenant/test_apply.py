"""Applying makes the database equal to the tenant file."""

from pathlib import Path

from auth_server.database.engine import writing
from auth_server.startup import Service, open_service
from auth_server.tenant.apply import apply_tenant, differences
from auth_server.tenant.reading import Tenant


def test_applying_makes_the_database_equal_and_says_what_changed(service: Service) -> None:
    declared = service.tenant
    nothing = Tenant()
    with writing(service.engine) as connection:
        removed = [str(change) for change in differences(connection, nothing)]
        assert [str(change) for change in apply_tenant(connection, nothing)] == removed
    assert removed[0] == "- grant off https://rs.example"
    assert removed[-1] == "- api https://ed.example"
    with writing(service.engine) as connection:
        added = [str(change) for change in apply_tenant(connection, declared)]
        assert sorted(line[2:] for line in added) == sorted(line[2:] for line in removed)
        assert apply_tenant(connection, declared) == []


def test_shows_who_may_introspect(environ: dict[str, str]) -> None:
    file = Path(environ["TENANT_FILE"])
    file.write_text(file.read_text().replace("introspected_by: api", "introspected_by: [api, none]"))
    service = open_service(environ)
    with writing(service.engine) as connection:
        changes = [str(change) for change in differences(connection, service.tenant)]
    service.engine.dispose()
    assert changes == ["~ api https://rs.example (introspected_by: api -> api none)"]
