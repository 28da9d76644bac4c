"""A remembered client may be accepted, and is never refused."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.clients.registry import Client, ClientGrant, Clients
from auth_server.database.tables import clients
from auth_server.startup import Service
from sqlalchemy import event, update
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def queries(service: Service) -> list[str]:
    """Return a list that collects the statements that reach the database."""
    statements: list[str] = []
    event.listen(service.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    return statements


def rotate(folder: Path, secret: str) -> None:
    (folder / "job.sha256").write_text(hashlib.sha256(secret.encode()).hexdigest())


def test_remembers_clients_for_the_time_to_live_and_within_bounds(service: Service, tmp_path: Path) -> None:
    clock = Clock()
    clients = Clients(service.engine, tmp_path, ttl=2, token_lifetime=60, now=clock)
    job = clients.read("job")
    assert job
    assert clients.recall("job") is None
    clients.remember(job)
    clock.now = 1.9
    assert clients.recall("job") is job
    clock.now = 2.0
    assert clients.recall("job") is None
    for number in range(1001):
        clients.remember(Client(str(number), True, (), {}))
    assert clients.recall("1000")
    assert clients.recall("0") is None


def test_asks_the_database_once_for_an_unknown_client_and_for_a_wrong_secret(
    ask: Ask, queries: list[str]
) -> None:
    ask(auth=("who", "x"))
    ask(auth=("job", "x"))
    assert len(queries) == 2
    assert queries[0] == queries[1]


def test_a_known_client_is_served_without_the_database(ask: Ask, queries: list[str]) -> None:
    ask()
    queries.clear()
    assert ask().status_code == 200
    assert queries == []


def test_a_new_secret_works_at_once(ask: Ask, tmp_path: Path) -> None:
    assert ask().status_code == 200
    rotate(tmp_path, "new-secret")
    assert ask(auth=("job", "new-secret")).status_code == 200


def test_an_old_secret_stops_working_when_the_client_is_read_again(service: Service, tmp_path: Path) -> None:
    clients = Clients(service.engine, tmp_path, ttl=2, token_lifetime=60, now=Clock())
    rotate(tmp_path, "new-secret")
    job = clients.read("job")
    assert job
    assert job.secret_digests == (hashlib.sha256(b"new-secret").digest(),)


def test_a_digest_file_that_is_gone_is_a_wrong_secret_and_logged(
    ask: Ask, tmp_path: Path, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    (tmp_path / "job.sha256").unlink()
    assert ask().get_json()["error"] == "invalid_client"
    unusable, refused = log_lines()
    assert (unusable["message"], unusable["file"]) == ("a secret digest file cannot be used", "job.sha256")
    assert refused["reason"] == "no readable secret digest"


Sign = Callable[..., dict[str, str]]
LogLines = Callable[[], list[dict[str, Any]]]
ISSUER, ENDPOINT = "https://issuer.example", "https://issuer.example/oauth/token"


def assert_refused(response: TestResponse, line: dict[str, Any], reason: str) -> None:
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}", charset="UTF-8"'
    assert (line["message"], line["error"], line["reason"]) == ("token refused", "invalid_client", reason)


def test_a_flag_takes_effect_at_once(ask: Ask, sign: Sign, service: Service) -> None:
    assert ask(sign(), auth=None).status_code == 200
    with service.engine.begin() as connection:
        connection.execute(update(clients).values(token_endpoint_audience=True))
    assert ask(sign({"aud": ENDPOINT}), auth=None).status_code == 200


def test_reads_new_keys_at_once_and_refuses_when_the_file_is_gone(
    ask: Ask, sign: Sign, tmp_path: Path, log_lines: LogLines
) -> None:
    (tmp_path / "bot.json").unlink()
    assert_refused(ask(sign(), auth=None), log_lines()[-1], "no usable key")
    assert_refused(
        ask(auth=("bot", "a")), log_lines()[-1], "a secret, but the client is registered with a key"
    )
    assert log_lines()[0]["message"] == "a client key file cannot be used"


def test_says_that_no_key_is_for_the_algorithm(
    ask: Ask, sign: Sign, tmp_path: Path, log_lines: LogLines
) -> None:
    keys = json.loads((tmp_path / "bot.json").read_text())["keys"]
    (tmp_path / "bot.json").write_text(json.dumps({"keys": [key for key in keys if key["kid"] != "RS256"]}))
    assert_refused(ask(sign(alg="RS256"), auth=None), log_lines()[-1], "no key of the client is for RS256")


@pytest.mark.parametrize("declared", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("named", ["EdDSA", "Ed25519"])
def test_a_registered_key_may_have_either_name_of_its_algorithm(
    ask: Ask, sign: Sign, tmp_path: Path, declared: str, named: str
) -> None:
    keys = json.loads((tmp_path / "bare.json").read_text())["keys"]
    (key,) = [key for key in keys if key["kty"] == "OKP"]
    (tmp_path / "bare.json").write_text(json.dumps({"keys": [key | {"alg": declared}]}))
    assert ask(sign({"iss": "bare", "sub": "bare"}, alg=named), auth=None).status_code == 200


def test_the_former_algorithm_signs_until_its_time() -> None:
    unchanged = ClientGrant("https://a.example", ("a",), 60, "ES256")
    changed = ClientGrant("https://a.example", ("a",), 60, "ES256", "RS256", 1000)
    assert [grant.signing_alg(999.9) for grant in (unchanged, changed)] == ["ES256", "RS256"]
    assert [grant.signing_alg(1000) for grant in (unchanged, changed)] == ["ES256", "ES256"]
