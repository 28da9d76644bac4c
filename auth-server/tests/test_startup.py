"""A start names every problem at once, or makes what is missing."""

import gc
import logging
import runpy
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from auth_server.settings_reader import SettingsError
from auth_server.startup import Service, apply, open_service

Start = Callable[[dict[str, str]], Service]

ABSENT = "is not set; set it to the URL by which tokens name the authorization server"
NO_URL = "is not an absolute http(s) URL without a query, fragment or user name; correct it"
PLAIN = "is plain http and not loopback; use https, or set INSECURE_HTTP=1"
EXPLAINED = "EXPLAIN: shows what refusals hide; set it to 0, or ISSUER to a loopback http URL"
NO_FILE = "cannot be used (unable to open database file); make it a file that this service can write"
TOO_SOON = (
    "lets a key sign 332 s after it is announced, but an API may not know it for "
    "JWKS_TTL + JWKS_COOLDOWN + CACHE_TTL = 332 s; set it to more"
)
NO_DATABASE = "does not name an SQLite file; set it to sqlite:////path/to/auth-server.db"

BAD: dict[str, tuple[dict[str, str], str]] = {
    "no issuer": ({"ISSUER": ""}, f"ISSUER: {ABSENT}"),
    "relative issuer": ({"ISSUER": "issuer.example"}, f"ISSUER: {NO_URL}"),
    "other scheme": ({"ISSUER": "ftp://issuer.example"}, f"ISSUER: {NO_URL}"),
    "quote in the issuer": ({"ISSUER": 'https://issuer.example/"'}, f"ISSUER: {NO_URL}"),
    "bad port": (
        {"ISSUER": "https://issuer.example:x"},
        f"ISSUER: {NO_URL}",
    ),
    "fragment": ({"ISSUER": "https://issuer.example#a"}, f"ISSUER: {NO_URL}"),
    "empty query": ({"ISSUER": "https://issuer.example?"}, f"ISSUER: {NO_URL}"),
    "userinfo": ({"ISSUER": "https://a@issuer.example"}, f"ISSUER: {NO_URL}"),
    "plain http": ({"ISSUER": "http://issuer.example"}, f"ISSUER: {PLAIN}"),
    "plain http address": ({"ISSUER": "http://192.0.2.1"}, f"ISSUER: {PLAIN}"),
    "insecure": ({"INSECURE_HTTP": "yes"}, "INSECURE_HTTP: is not known; set it to one of 0, 1"),
    "no database": ({"DATABASE_URL": ""}, f"DATABASE_URL: {NO_DATABASE}"),
    "database in memory": ({"DATABASE_URL": "sqlite:///:memory:"}, f"DATABASE_URL: {NO_DATABASE}"),
    "other database": ({"DATABASE_URL": "postgresql://db/auth"}, f"DATABASE_URL: {NO_DATABASE}"),
    "database that cannot be opened": (
        {"DATABASE_URL": "sqlite:////nowhere/a.db"},
        f"DATABASE_URL: {NO_FILE}",
    ),
    "lifetime": (
        {"TOKEN_LIFETIME": "0"},
        "TOKEN_LIFETIME: is not a whole number of seconds; set it to 1 to 2592000",
    ),
    "time to live": ({"JWKS_TTL": "1.5"}, "JWKS_TTL: is not a whole number of seconds; set it to 0 to 86400"),
    "cache": ({"CACHE_TTL": "-1"}, "CACHE_TTL: is not a whole number of seconds; set it to 0 to 60"),
    "keys that sign before they are known": (
        {"KEY_ANNOUNCEMENT": "332"},
        f"KEY_ANNOUNCEMENT: {TOO_SOON}",
    ),
    "keys that sign for less than they are announced": (
        {"KEY_ROTATION": "3599"},
        "KEY_ROTATION: is shorter than KEY_ANNOUNCEMENT; set it to 3600 or more",
    ),
    "failed logins": (
        {"FAILED_LOGINS_PER_MINUTE": "-1"},
        "FAILED_LOGINS_PER_MINUTE: is not a whole number; set it to 0 to 1000000",
    ),
    "failed logins storage": (
        {"FAILED_LOGINS_STORAGE": "file:///a"},
        "FAILED_LOGINS_STORAGE: is not a storage that the limits library can open; set it to memory://",
    ),
    "failed logins storage without its client": (
        {"FAILED_LOGINS_STORAGE": "redis://redis"},
        "FAILED_LOGINS_STORAGE: is not a storage that the limits library can open; set it to memory://",
    ),
    "no Actions folder": (
        {"ACTIONS_DIR": "/nowhere"},
        "ACTIONS_DIR: /nowhere is not a folder; create it, even if it stays empty",
    ),
    "proxy by name": (
        {"TRUSTED_PROXIES": "192.0.2.1, proxy"},
        "TRUSTED_PROXIES: proxy is not an address or CIDR block; set it to those of the proxies",
    ),
    "explanations": (
        {"EXPLAIN": "1"},
        EXPLAINED,
    ),
    "explanations to a network": (
        {"EXPLAIN": "1", "ISSUER": "http://192.0.2.1", "INSECURE_HTTP": "1"},
        EXPLAINED,
    ),
    "log level": (
        {"LOG_LEVEL": "loud"},
        "LOG_LEVEL: is not known; set it to one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    ),
    "no tenant file": (
        {"TENANT_FILE": "/nowhere.yaml"},
        "TENANT_FILE: /nowhere.yaml: cannot be read (No such file or directory); make it readable",
    ),
    "no key-encryption key": (
        {"KEY_ENCRYPTION_KEY_FILE": "/nowhere"},
        "KEY_ENCRYPTION_KEY_FILE: /nowhere cannot be read (No such file or directory); restore or create it",
    ),
}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        apply(open_service(environ))
    return caught.value.problems


@pytest.mark.parametrize("case", BAD)
def test_names_the_setting_and_what_to_do(environ: dict[str, str], case: str) -> None:
    change, problem = BAD[case]
    assert problems(environ | change) == (problem,)


@pytest.mark.parametrize(
    "issuer", ["http://localhost:9000", "http://127.1.2.3", "http://[::1]:1", "https://a.b/c"]
)
def test_accepts_https_and_loopback(environ: dict[str, str], issuer: str) -> None:
    assert open_service(environ | {"ISSUER": issuer}).settings.issuer == issuer


def test_accepts_plain_http_where_that_is_asked_for(environ: dict[str, str]) -> None:
    environ |= {"ISSUER": "http://issuer.internal", "INSECURE_HTTP": "1"}
    assert open_service(environ).settings.issuer == "http://issuer.internal"


@pytest.mark.parametrize("issuer", ["http://localhost:9000", "http://127.1.2.3", "http://[::1]:1"])
def test_explains_to_loopback(environ: dict[str, str], issuer: str) -> None:
    assert open_service(environ | {"ISSUER": issuer, "EXPLAIN": "1"}).settings.explain


def test_explains_not_without_being_asked(environ: dict[str, str]) -> None:
    assert not open_service(environ | {"ISSUER": "http://localhost"}).settings.explain


def test_names_all_problems_in_one_message(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "job.sha256").unlink()
    (tmp_path / "off.sha256").write_text("ff" * 31)
    tenant = tmp_path / "tenant.yaml"
    text = tenant.read_text().replace("bot.json", "x.json", 1)
    tenant.write_text(text.replace("client: bot,", "client: who,") + "users: []\n")
    (tmp_path / "none.sha256").write_bytes(b"\xff" * 64)
    (tmp_path / "key-encryption-key").write_bytes(b"\xff")
    environ |= {"ISSUER": "http://[", "EXPLAIN": "1", "DATABASE_URL": "sqlite:////nowhere/a.db"}
    with pytest.raises(SettingsError) as caught:
        open_service(environ)
    assert str(caught.value) == (
        "auth-server: cannot start, 10 problem(s):\n"
        f"  - ISSUER: {NO_URL}\n"
        f"  - {EXPLAINED}\n"
        f"  - TENANT_FILE: {tenant}: grants[6].client: who is not a client of this file; declare it\n"
        f"  - TENANT_FILE: {tenant}: users: is unknown; remove it\n"
        f"  - SECRETS_DIR: {tmp_path}/job.sha256 cannot be read (No such file or directory); "
        "put the digest of a secret of job there\n"
        f"  - SECRETS_DIR: {tmp_path}/none.sha256 is not a SHA-256 digest of 64 hexadecimal digits; "
        "put the digest of a secret of none there\n"
        f"  - SECRETS_DIR: {tmp_path}/off.sha256 is not a SHA-256 digest of 64 hexadecimal digits; "
        "put the digest of a secret of off there\n"
        f"  - SECRETS_DIR: {tmp_path}/x.json cannot be read (No such file or directory); "
        "put the public keys of bot there, as a JWK Set\n"
        f"  - KEY_ENCRYPTION_KEY_FILE: {tmp_path}/key-encryption-key does not hold one or two keys "
        "of 32 bytes in base64url; restore it\n"
        f"  - DATABASE_URL: {NO_FILE}"
    )


def test_refuses_another_key_encryption_key_instead_of_making_new_keys(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "key-encryption-key").write_text("x" * 43)
    (problem,) = problems(environ)
    assert problem == (
        f"KEY_ENCRYPTION_KEY_FILE: {tmp_path}/key-encryption-key does not decrypt the stored signing keys; "
        "restore the one that did"
    )


def test_keeps_its_signing_keys_when_started_again(environ: dict[str, str], start: Start) -> None:
    first, second = start(environ), start(environ)
    assert first.keys.published() == second.keys.published()
    assert len(first.keys.published()) == 6


def test_makes_one_key_set_when_several_start_on_an_empty_database(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    environ["DATABASE_URL"] = f"sqlite:///{tmp_path / 'empty.db'}"
    with ThreadPoolExecutor(4) as pool:
        first, *others = (service.keys.published() for service in pool.map(start, [environ] * 4))
    assert [key["alg"] for key in first] == ["RS256"] * 2 + ["ES256"] * 2 + ["EdDSA"] * 2
    assert all(other == first for other in others)


@pytest.fixture
def wsgi(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, Any]]]:
    """Import the entry point in an environment."""

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
        assert database.execute("select count(*) from grants").fetchone() == (8,)
    database.close()


def test_starts_from_the_environment_and_applies_the_tenant(
    wsgi: Wsgi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = wsgi(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")["app"]
    assert capfd.readouterr().out.count('"message": "tenant applied"') == 20
    assert app.test_client().get("/readyz").status_code == 200


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


def test_runs_a_command_that_needs_no_tenant_where_a_start_is_refused(wsgi: Wsgi) -> None:
    runner = wsgi(FLASK_RUN_FROM_CLI="true", TENANT_FILE="/nowhere.yaml")["app"].test_cli_runner()
    assert [runner.invoke(args=[name, "list"]).exit_code for name in ("keys", "clients")] == [0, 0]


def test_refuses_a_database_of_something_else(environ: dict[str, str], tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table signing_keys (a)")
    other.close()
    (problem,) = problems(environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"})
    assert problem.startswith("DATABASE_URL: cannot be used (no such column: signing_keys.kid)")


def test_adds_the_columns_that_a_database_of_before_lacks(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "auth-server.db") as old:
        old.execute("alter table clients drop column jwks_file")
    old.close()
    assert [str(change) for change in apply(start(environ))] == []


def test_refuses_keys_that_another_instance_made_meanwhile_under_another_key(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    environ["DATABASE_URL"] = f"sqlite:///{tmp_path / 'empty.db'}"
    (tmp_path / "other-key").write_text("x" * 43)
    late = open_service(environ | {"KEY_ENCRYPTION_KEY_FILE": str(tmp_path / "other-key")})
    start(environ)
    with pytest.raises(SettingsError, match="/other-key does not decrypt"):
        apply(late)
    late.engine.dispose()


def test_a_command_that_fails_says_why(wsgi: Wsgi, tmp_path: Path) -> None:
    runner = wsgi(FLASK_RUN_FROM_CLI="true")["app"].test_cli_runner()
    with sqlite3.connect(tmp_path / "auth-server.db") as database:
        database.execute("drop table signing_keys")
    database.close()
    result = runner.invoke(args=["tenant", "apply"])
    assert result.exit_code == 1
    assert "DATABASE_URL: cannot be used (no such table: signing_keys)" in result.output


def test_starts_anew_with_another_key_encryption_key_once_the_keys_are_given_up(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    """What the documentation says to do where the key is lost for good."""
    (tmp_path / "key-encryption-key").write_text("x" * 43)
    with sqlite3.connect(tmp_path / "auth-server.db") as database:
        database.execute("delete from signing_keys")
    database.close()
    assert len(start(environ).keys.published()) == 6
