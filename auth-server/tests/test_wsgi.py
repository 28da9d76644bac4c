"""The entry point: one message and exit status 1, or an app with the tenant applied."""

import gc
import json
import logging
import os
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import auth_server
import pytest

ABSENT = "is not set; set it to the URL by which tokens name the authorization server"


@pytest.fixture
def wsgi(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, Any]]]:
    """Return a function that imports the entry point in an environment."""

    def run(**change: str) -> dict[str, Any]:
        for name, value in (environ | change).items():
            monkeypatch.setenv(name, value)
        names.update(runpy.run_module("auth_server.wsgi", run_name="auth_server.wsgi"))
        return names

    names: dict[str, Any] = {}
    yield run
    if names:
        names["service"].engine.dispose()
    gc.unfreeze()
    logging.getLogger().handlers.clear()


Wsgi = Callable[..., dict[str, Any]]


def test_exits_with_one_message_and_status_1(wsgi: Wsgi) -> None:
    with pytest.raises(SystemExit) as caught:
        wsgi(ISSUER="")
    assert caught.value.code == f"auth-server: cannot start, 1 problem(s):\n  - ISSUER: {ABSENT}"


def test_exits_with_the_problems_of_the_tenant_and_of_its_files_and_changes_nothing(
    wsgi: Wsgi, tmp_path: Path
) -> None:
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("scopes: [read, write]}", "scopes: []}"))
    (tmp_path / "job.sha256").unlink()
    with pytest.raises(SystemExit) as caught:
        wsgi()
    assert caught.value.code == (
        "auth-server: cannot start, 2 problem(s):\n"
        f"  - TENANT_FILE: {tenant}: grants[0].scopes: "
        "must be a list of different scopes (RFC 6749 3.3), at least one\n"
        f"  - SECRETS_DIR: {tmp_path}/job.sha256 cannot be read (No such file or directory); "
        "put the digest of a secret of job there"
    )
    with sqlite3.connect(tmp_path / "auth-server.db") as database:
        assert database.execute("select count(*) from grants").fetchone() == (9,)
    database.close()


def test_starts_from_the_environment_and_applies_the_tenant(
    wsgi: Wsgi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = wsgi(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")["app"]
    assert capfd.readouterr().out.count('"message":"tenant applied"') == 22
    assert app.test_client().get("/readyz").status_code == 200


def test_keeps_no_copy_of_the_tenant_that_it_has_applied(wsgi: Wsgi) -> None:
    declared = wsgi()["service"].declared
    assert (declared.clients, declared.grants) == ((), ())


def test_applies_the_tenant_by_command_and_only_prints_with_check(wsgi: Wsgi, tmp_path: Path) -> None:
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("scopes: [read, write]}", "scopes: [read]}"))
    runner = wsgi(FLASK_RUN_FROM_CLI="true")["app"].test_cli_runner()
    change = "~ grant job https://rs.example (scopes: read write -> read)\n"
    results = [
        runner.invoke(args=["tenant", "apply", *flag]) for flag in (["--check"], ["--check"], [], ["--check"])
    ]
    assert [(result.exit_code, result.output) for result in results] == [
        (1, change),
        (1, change),
        (0, change),
        (0, "nothing to change\n"),
    ]


def test_runs_a_command_that_needs_no_tenant_even_if_a_start_is_refused(wsgi: Wsgi) -> None:
    runner = wsgi(FLASK_RUN_FROM_CLI="true", TENANT_FILE="/nowhere.yaml")["app"].test_cli_runner()
    assert [runner.invoke(args=[name, "list"]).exit_code for name in ("keys", "clients")] == [0, 0]


def test_a_command_that_fails_says_why(wsgi: Wsgi, tmp_path: Path) -> None:
    runner = wsgi(FLASK_RUN_FROM_CLI="true")["app"].test_cli_runner()
    with sqlite3.connect(tmp_path / "auth-server.db") as database:
        database.execute("drop table signing_keys")
    database.close()
    result = runner.invoke(args=["tenant", "apply"])
    assert result.exit_code == 1
    assert "DATABASE_URL: cannot be used (no such table: signing_keys)" in result.output


def test_logs_which_api_keeps_its_algorithm_for_a_while(
    wsgi: Wsgi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A start is not refused for it."""
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("signing_alg: ES256", "signing_alg: EdDSA"))
    wsgi()
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["tenant applied", "an algorithm changes later"]
    assert lines[1]["change"].startswith("https://es.example: ES256 signs until ")


LOADED = """
import sys
import auth_server.wsgi as started

rooms = sys.modules.keys() & {"auth_server.federation", "auth_server.protocol.federated_assertion"}
certificates = "auth_server.protocol.client_certificate" in sys.modules
metadata = started.app.test_client().get("/.well-known/oauth-authorization-server").get_json()
methods = metadata["token_endpoint_auth_methods_supported"]
print(bool(rooms), "spiffe_jwt" in methods, certificates, "self_signed_tls_client_auth" in methods)
"""
FEDERATED = '  - {client_id: pod, name: P, federated: {issuer: "https://i", subject: s, jwks_file: bot.json}}'


MTLS = {"MTLS": "1", "TRUSTED_PROXIES": "10.0.0.2"}


@pytest.mark.parametrize(
    ("clients", "more", "printed"),
    [
        ("", {}, "False False False False"),
        (FEDERATED, {}, "True True False False"),
        ("", MTLS, "False False True True"),
        ("", {"TENANT_APPLY": "command"}, "True True False False"),
    ],
)
def test_loads_what_serves_other_clients_only_if_there_may_be_any(
    environ: dict[str, str], tmp_path: Path, clients: str, more: dict[str, str], printed: str
) -> None:
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("\ngrants:\n", f"\n{clients}\ngrants:\n", 1))
    path = {"PYTHONPATH": str(Path(auth_server.__file__).parents[1])}
    done = subprocess.run(  # noqa: S603  # this interpreter
        [sys.executable, "-c", LOADED],
        env={**os.environ, **environ, **more, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == [printed], done.stdout + done.stderr
