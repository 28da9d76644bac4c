"""A start applies the tenant file or, with TENANT_APPLY=command, says how the database differs from it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database.tables import signing_keys
from auth_server.logs import configure_logs
from auth_server.startup import Service, apply, open_service, unapplied
from auth_server.tenant_at_start import apply_or_compare
from sqlalchemy import select

pytestmark = pytest.mark.databases("sqlite", "postgresql")

WIDER = "~ grant job https://rs.example (scopes: read -> read write)"
Started = Callable[..., Service]


@pytest.fixture
def started(environ: dict[str, str], capfd: pytest.CaptureFixture[str]) -> Iterator[Started]:
    """Return a function that starts an instance with an older tenant file than the one that is applied."""
    tenant = Path(environ["TENANT_FILE"])
    old = tenant.read_text()
    new = old.replace("scopes: [read, write]}", "scopes: [read]}")
    services: list[Service] = []

    def start(**change: str) -> Service:
        service = open_service(environ | change)
        services.append(service)
        apply_or_compare(service)
        return service

    tenant.write_text(new)
    configure_logs("INFO")
    start()
    capfd.readouterr()
    tenant.write_text(old)
    yield start
    for service in services:
        service.engine.dispose()


def logged(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of the log, each without what differs from start to start."""
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    return [
        {name: line[name] for name in line if name not in {"time", "service", "logger"}} for line in lines
    ]


def test_an_older_instance_that_restarts_takes_back_what_a_newer_one_applied(
    started: Started, capfd: pytest.CaptureFixture[str]
) -> None:
    """The default, which is for one instance alone."""
    started()
    assert logged(capfd) == [{"level": "info", "message": "tenant applied", "change": WIDER}]


def test_by_command_an_older_instance_that_restarts_changes_nothing_and_names_the_differences(
    started: Started, capfd: pytest.CaptureFixture[str], environ: dict[str, str]
) -> None:
    for _ in range(2):
        service = started(TENANT_APPLY="command")
        differs = "tenant not applied: the database differs from the file"
        assert logged(capfd) == [
            {"level": "warning", "message": differs, "tenant_file": environ["TENANT_FILE"], "changes": 1},
            {"level": "info", "message": "tenant apply would change", "change": WIDER},
        ]
        assert [str(change) for change in unapplied(service)] == [WIDER]


def test_by_command_a_start_says_that_the_database_equals_the_file(
    started: Started, capfd: pytest.CaptureFixture[str], environ: dict[str, str]
) -> None:
    apply(started(TENANT_APPLY="command"))
    capfd.readouterr()
    started(TENANT_APPLY="command")
    equals = "tenant not applied: the database equals the file"
    assert logged(capfd) == [{"level": "info", "message": equals, "tenant_file": environ["TENANT_FILE"]}]


def test_by_command_a_wrong_file_ends_no_start(
    started: Started, capfd: pytest.CaptureFixture[str], environ: dict[str, str], tmp_path: Path
) -> None:
    """Such as one that names the digest of a secret that was taken away."""
    (tmp_path / "job.sha256").unlink()
    started(TENANT_APPLY="command")
    (line,) = logged(capfd)
    (problem,) = line.pop("problems")
    wrong = "tenant not applied: the file is wrong"
    assert line == {"level": "warning", "message": wrong, "tenant_file": environ["TENANT_FILE"]}
    assert problem.startswith(f"SECRETS_DIR: {tmp_path}/job.sha256 cannot be read")


def test_by_command_keys_are_published_for_as_long_as_the_tokens_of_this_instance_live(
    started: Started,
) -> None:
    service = started(TENANT_APPLY="command", TOKEN_LIFETIME="86400")
    with service.engine.connect() as connection:
        assert max(connection.scalars(select(signing_keys.c.longest_lifetime))) == 86400


def test_by_command_an_instance_is_not_ready_before_the_first_tenant_is_applied(
    started: Started, tmp_path: Path
) -> None:
    service = started(TENANT_APPLY="command", DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    client = create_app(service).test_client()
    assert client.get("/readyz").status_code == 503
    apply(service)
    assert client.get("/readyz").status_code == 200
