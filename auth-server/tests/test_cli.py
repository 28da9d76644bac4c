"""The operator's commands: tables for people, JSON for programs, exit statuses; no secret is printed."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database.tables import algorithm_changes, signing_keys
from auth_server.startup import Service, open_service
from click.testing import Result
from sqlalchemy import update

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Start = Callable[[dict[str, str]], Service]
Run = Callable[..., Result]


@pytest.fixture
def run(service: Service) -> Run:
    """Return a function that runs a command."""
    runner = create_app(service).test_cli_runner()
    return lambda *arguments: runner.invoke(args=arguments)


def parsed(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def states(result: Result, alg: str = "ES256") -> list[str]:
    return [key["state"] for key in parsed(result) if key["alg"] == alg]


def let_next_keys_sign(service: Service) -> None:
    with service.engine.begin() as connection:
        connection.execute(update(signing_keys).values(announced_at=0))


def test_lists_the_keys_in_a_table(run: Run, service: Service) -> None:
    lines = run("keys", "list").output.splitlines()
    assert lines[0].split() == [
        *["KEY", "ALG", "APIS", "STATE", "ANNOUNCED"],
        *["SIGNS", "FROM", "PUBLISHED", "UNTIL"],
    ]
    kids = [life.key.kid for life in service.keys.read().lives]
    assert [line.split()[0] for line in lines[1:]] == kids
    assert [line.split()[1:4] for line in lines[1:3]] == [["RS256", "1", "next"], ["RS256", "1", "current"]]
    assert [line.split()[-1] == "-" for line in lines[1:3]] == [True, False]


def test_lists_the_keys_for_programs(run: Run, service: Service) -> None:
    life = service.keys.read().lives[0]
    first = parsed(run("keys", "list", "--json"))[0]
    assert first.keys() == {
        "kid",
        "alg",
        "apis",
        "state",
        "announced_at",
        "signs_from",
        "signs_until",
        "published_until",
    }
    assert (first["kid"], first["alg"], first["state"]) == (life.key.kid, "RS256", "next")
    assert (first["signs_until"], first["published_until"]) == (None, None)
    assert first["announced_at"] < first["signs_from"]


def test_lists_until_when_a_key_signs_and_is_published(run: Run) -> None:
    following, current = parsed(run("keys", "list", "--json"))[:2]
    assert current["signs_until"] == following["signs_from"] < current["published_until"]


def test_rotates_all_keys_or_those_of_one_algorithm(run: Run, service: Service) -> None:
    let_next_keys_sign(service)
    rotated = run("keys", "rotate", "--alg", "ES256", "--json")
    assert states(rotated) == ["next", "current", "previous"]
    assert states(rotated, "RS256") == ["next", "current"]
    assert states(run("keys", "rotate", "--json"), "RS256") == ["next", "current", "previous"]
    assert run("keys", "rotate", "--alg", "HS256").exit_code == 2


def test_revokes_a_key(run: Run) -> None:
    kid = next(key["kid"] for key in parsed(run("keys", "list", "--json")) if key["state"] == "current")
    for _ in range(2):
        assert states(run("keys", "revoke", kid, "--json"), "RS256") == ["next", "current", "revoked"]


def test_revoking_the_current_key_and_then_the_next_one_leaves_a_new_one_that_signs(
    run: Run, service: Service
) -> None:
    """What the documentation says to do when a key leaks."""
    before = [key for key in parsed(run("keys", "list", "--json")) if key["alg"] == "RS256"]
    by_state = {key["state"]: key["kid"] for key in before}
    assert states(run("keys", "revoke", by_state["current"], "--json"), "RS256") == [
        *["next", "current", "revoked"]
    ]
    after = run("keys", "revoke", by_state["next"], "--json")
    assert states(after, "RS256") == ["next", "current", "revoked", "revoked"]
    service.keys.read()
    published = {key["kid"] for key in service.keys.published() if key["alg"] == "RS256"}
    assert published.isdisjoint(by_state.values())
    assert service.keys.current("RS256").kid in published


@pytest.fixture(params=["broken tenant file", "missing digest"])
def run_on_a_broken_tenant(
    environ: dict[str, str], start: Start, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Run]:
    """Return a function that runs a command after the tenant file, or a file that it names, was broken."""
    start(environ)
    if request.param == "missing digest":
        (tmp_path / "job.sha256").unlink()
    else:
        (tmp_path / "tenant.yaml").write_text("users: []\n" + (tmp_path / "tenant.yaml").read_text())
    service = open_service(environ)
    runner = create_app(service).test_cli_runner()
    yield lambda *arguments: runner.invoke(args=arguments)
    service.engine.dispose()


def test_revokes_a_key_even_if_the_tenant_is_wrong(run_on_a_broken_tenant: Run) -> None:
    """An operator can revoke a leaked key at once, before a broken file is repaired."""
    run = run_on_a_broken_tenant
    kid = next(key["kid"] for key in parsed(run("keys", "list", "--json")) if key["state"] == "current")
    assert states(run("keys", "revoke", kid, "--json"), "RS256") == ["next", "current", "revoked"]
    assert run("keys", "rotate").exit_code == run("keys", "reencrypt").exit_code == 0


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_does_not_apply_a_wrong_tenant_and_says_why(
    run_on_a_broken_tenant: Run, check: Sequence[str]
) -> None:
    result = run_on_a_broken_tenant("tenant", "apply", *check)
    assert result.exit_code == 1
    assert re.match(
        r"Error: nothing was applied, 1 problem\(s\):\n  - (TENANT_FILE|SECRETS_DIR): ", result.output
    )


def test_lists_what_is_registered_even_if_the_tenant_is_wrong(run_on_a_broken_tenant: Run) -> None:
    assert len(parsed(run_on_a_broken_tenant("clients", "list", "--json"))) == 11
    assert len(parsed(run_on_a_broken_tenant("tenant", "list", "--json"))) == 9


def test_names_the_digest_file_that_cannot_be_read(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    start(environ)
    (tmp_path / "many.next.sha256").unlink()
    service = open_service(environ)
    run = create_app(service).test_cli_runner()
    lines = run.invoke(args=["clients", "list"]).output.splitlines()
    assert [re.split("  +", line) for line in lines if line.startswith("many")] == [
        ["many", "yes", "many.sha256", "never", "-"],
        ["many", "yes", "many.next.sha256", "cannot be read (No such file or directory)", "-"],
    ]
    service.engine.dispose()


def test_says_that_there_is_no_such_key(run: Run) -> None:
    result = run("keys", "revoke", "unknown")
    assert (result.exit_code, result.output) == (
        1,
        "Error: there is no such key; run `keys list` to see them\n",
    )


def test_revokes_a_key_whose_kid_begins_with_a_hyphen(run: Run, service: Service) -> None:
    kid = service.keys.read().lives[0].key.kid
    with service.engine.begin() as connection:
        this = signing_keys.c.kid == kid
        connection.execute(update(signing_keys).where(this).values(kid="-json"))
    assert states(run("keys", "revoke", "-json", "--json"), "RS256") == ["next", "revoked", "current"]


def test_reencrypts_the_keys(run: Run, service: Service, tmp_path: Path) -> None:
    (tmp_path / "key-encryption-key").write_text(f"{'n' * 43}\n{'k' * 43}\n")
    assert len(parsed(run("keys", "reencrypt", "--json"))) == 6
    (tmp_path / "key-encryption-key").write_text("n" * 43)
    assert service.keys.check()


def test_a_command_that_cannot_encrypt_says_why_and_changes_nothing(
    run: Run, service: Service, tmp_path: Path
) -> None:
    let_next_keys_sign(service)
    before = service.keys.read().lives
    (tmp_path / "key-encryption-key").unlink()
    result = run("keys", "rotate")
    assert result.exit_code == 1
    assert result.output == (
        f"Error: {tmp_path}/key-encryption-key cannot be read (No such file or directory); "
        "restore or create it\n"
    )
    assert service.keys.read().lives == before


@pytest.mark.parametrize(
    "command",
    [
        ("tenant", "apply"),
        ("tenant", "apply", "--check"),
        ("tenant", "list"),
        ("clients", "list"),
        ("keys", "list"),
    ],
)
def test_a_command_without_its_tables_says_why(run: Run, service: Service, command: Sequence[str]) -> None:
    with service.engine.begin() as connection:
        for table in ("grants", "signing_keys", "federated_subjects", "clients", "secret_uses"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    result = run(*command)
    assert result.exit_code == 1
    assert re.search(r"DATABASE_URL: cannot be used \((no such table|relation .* not exist)", result.output)


def test_prints_what_a_change_of_the_tenant_would_change(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    tenant = tmp_path / "tenant.yaml"
    start(environ)
    tenant.write_text(
        tenant.read_text()
        .replace("scopes: [read, write]}", "scopes: [read]}")
        .replace('  - {client: bot, audience: "https://rs.example", scopes: [read]}\n', "")
    )
    service = open_service(environ)
    run = create_app(service).test_cli_runner()
    listed = [
        {"change": "changed", "kind": "grant", "key": ["job", "https://rs.example"]}
        | {"values": {"scopes": [["read", "write"], ["read"]]}},
        {"change": "removed", "kind": "grant", "key": ["bot", "https://rs.example"], "values": {}},
    ]
    checked = run.invoke(args=["tenant", "apply", "--check", "--json"])
    assert (checked.exit_code, json.loads(checked.output)) == (1, listed)
    assert parsed(run.invoke(args=["tenant", "apply", "--json"])) == listed
    assert parsed(run.invoke(args=["tenant", "apply", "--check", "--json"])) == []
    service.engine.dispose()


def test_says_until_when_the_former_algorithm_signs(
    environ: dict[str, str], start: Start, tmp_path: Path
) -> None:
    start(environ)
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("signing_alg: ES256", "signing_alg: EdDSA"))
    service = open_service(environ)
    app = create_app(service)
    run = app.test_cli_runner()

    def token() -> str:
        target = {"grant_type": "client_credentials", "audience": "https://es.example"}
        answer = app.test_client().post("/oauth/token", data=target, auth=("many", "many-secret"))
        return str(answer.get_json()["access_token"])

    def alg(token: str) -> str:
        return str(json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["alg"])

    old = token()
    changed, waits = run.invoke(args=["tenant", "apply"]).output.splitlines()
    assert changed == "~ api https://es.example (signing_alg: ES256 -> EdDSA)"
    assert re.fullmatch(
        r"https://es\.example: ES256 signs until [0-9T:Z-]{20} and EdDSA after that, "
        "because verifiers must learn its key first",
        waits,
    )
    assert run.invoke(args=["tenant", "apply"]).output.splitlines() == [waits]
    assert run.invoke(args=["tenant", "apply", "--check"]).exit_code == 0
    (listed,) = parsed(run.invoke(args=["tenant", "apply", "--json"]))
    values = {"signing_alg": ["ES256", "EdDSA"]}
    assert listed == {"change": "waits", "kind": "api", "key": ["https://es.example"], "values": values} | {
        "until": re.findall("[0-9T:-]{19}Z", waits)[0]
    }
    in_use = {key["alg"]: key["apis"] for key in parsed(run.invoke(args=["keys", "list", "--json"]))}
    assert in_use == {"RS256": 1, "ES256": 1, "EdDSA": 1}
    app = create_app(service)  # which remembers no client
    assert alg(token()) == "ES256"

    now = int(time.time())
    with service.engine.begin() as connection:  # as if the time had passed
        connection.execute(update(algorithm_changes).values(signs_until=now))
        ended = update(signing_keys).where(signing_keys.c.alg == "ES256").values(unused_from=now)
        connection.execute(ended)
    app = create_app(service)
    service.keys.read()
    assert alg(token()) == "EdDSA"
    listed = parsed(run.invoke(args=["tenant", "list", "--json"]))
    of_api = [grant["signing_alg"] for grant in listed if grant["audience"] == "https://es.example"]
    assert of_api == ["EdDSA"]
    in_use = {key["alg"]: key["apis"] for key in parsed(run.invoke(args=["keys", "list", "--json"]))}
    assert in_use == {"RS256": 1, "ES256": 0, "EdDSA": 2}
    about = app.test_client().post("/oauth/introspect", data={"token": old}, auth=("many", "many-secret"))
    assert about.get_json()["active"] is True
    service.engine.dispose()


def test_lists_what_each_client_may_request(run: Run) -> None:
    lines = run("tenant", "list").output.splitlines()
    assert re.split("  +", lines[0])[-3:] == ["LIFETIME", "ALG", "INTROSPECTED BY"]
    assert "job       yes      https://rs.example  read write  3600      RS256  api" in lines
    assert "off       no       https://rs.example  read        3600      RS256  api" in lines
    assert parsed(run("tenant", "list", "--json"))[-1] == {
        "client_id": "off",
        "enabled": False,
        "audience": "https://rs.example",
        "scopes": ["read"],
        "token_lifetime": 3600,
        "signing_alg": "RS256",
        "introspected_by": ["api"],
    }
    lifetimes = {
        (grant["client_id"], grant["audience"]): grant["token_lifetime"]
        for grant in parsed(run("tenant", "list", "--json"))
    }
    assert lifetimes["many", "https://rs.example"] == 2
    assert lifetimes["many", "https://es.example"] == 60


def test_every_command_is_in_the_docs(service: Service) -> None:
    cli = create_app(service).cli.commands
    groups = {name: cli[name] for name in ("tenant", "clients", "keys")}
    commands = {f"{name} {command}" for name, group in groups.items() for command in group.commands}  # type: ignore[attr-defined]
    docs = (Path(__file__).parents[2] / "docs/authorization-server.md").read_text()
    assert set(re.findall(r"^\| `(\w+ \w+)", docs, re.MULTILINE)) == commands


def test_prints_no_secret(run: Run, service: Service, tmp_path: Path) -> None:
    commands = [("tenant", "list"), ("tenant", "apply"), ("clients", "list"), ("keys", "list")]
    commands += [("keys", "rotate"), ("keys", "reencrypt")]
    printed = "".join(run(*command, *json_).output for command in commands for json_ in ([], ["--json"]))
    private = [
        value
        for life in service.keys.read().lives
        for name, value in json.loads(
            service.keys.store.encryption.decrypt(life.key.encrypted_private_jwk)
        ).items()
        if name in ("d", "p", "q")
    ]
    secrets = [(tmp_path / name).read_text().strip() for name in ("key-encryption-key", "job.sha256")]
    assert len(private) == 2 * (3 + 1 + 1)
    assert not [secret for secret in secrets + private if secret in printed]
