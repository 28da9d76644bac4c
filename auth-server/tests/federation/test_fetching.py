"""When the keys of an issuer are fetched for a token request, and when not."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.protocol.federated_assertion import federated_clients
from auth_server.startup import Service, apply, open_service
from flask import Flask
from joserfc.jwk import Key
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Sign = Callable[..., dict[str, str]]
PLATFORM = "https://platform.example"
TENANT = """
  - client_id: pod
    name: Pod
    federated: {issuer: "https://platform.example", subject: job-1, jwks_uri: "%s"}
grants:
  - {client: pod, audience: "https://rs.example", scopes: [read]}
"""
ELSEWHERE = {"jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/certificate"}


def vouched(**changes: Any) -> dict[str, Any]:
    return {"iss": PLATFORM, "sub": "job-1", "aud": "http://localhost:9000"} | changes


@pytest.fixture
def service(environ: dict[str, str], tmp_path: Path, endpoint: Any) -> Iterator[Service]:
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("\ngrants:\n", TENANT % endpoint.url, 1))
    service = open_service(environ | {"ISSUER": "http://localhost:9000"})
    apply(service)
    yield service
    service.engine.dispose()


@pytest.fixture
def app(service: Service, endpoint: Any, private_keys: dict[str, Key]) -> Flask:
    endpoint.body = json.dumps({"keys": [private_keys["ES256"].as_dict(private=False)]}).encode()
    return create_app(service, federated_clients)


def test_a_start_fetches_nothing_and_the_first_token_once(ask: Ask, sign: Sign, endpoint: Any) -> None:
    assert endpoint.asked == []
    assert [ask(sign(vouched()), auth=None).status_code for _ in range(3)] == [200] * 3
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    "iss", ["https://elsewhere.example", "the endpoint", PLATFORM + "/", PLATFORM.upper()]
)
def test_an_undeclared_issuer_causes_no_fetch(ask: Ask, sign: Sign, endpoint: Any, iss: str) -> None:
    issuer = endpoint.url if iss == "the endpoint" else iss
    assert ask(sign(vouched(iss=issuer), **ELSEWHERE), auth=None).status_code == 401
    assert endpoint.asked == []


def test_a_secret_and_a_clients_own_assertion_cause_no_fetch(ask: Ask, sign: Sign, endpoint: Any) -> None:
    assert ask().status_code == 200
    assert ask(sign({"aud": "http://localhost:9000"}), auth=None).status_code == 200
    assert endpoint.asked == []


@pytest.mark.requirement("RFC 8725 3.10 jku and x5u")
def test_an_address_in_a_token_is_ignored(ask: Ask, sign: Sign, endpoint: Any) -> None:
    assert ask(sign(vouched(), **ELSEWHERE), auth=None).status_code == 200
    assert [path for path, _ in endpoint.asked] == ["/openid/v1/jwks"]


def test_made_up_kids_and_subjects_cause_one_fetch_at_most(ask: Ask, sign: Sign, endpoint: Any) -> None:
    for number in range(5):
        assert ask(sign(vouched(sub=f"job-{number + 2}")), auth=None).status_code == 401
        assert ask(sign(vouched(), kid=f"made-up-{number}"), auth=None).status_code == 401
    assert len(endpoint.asked) == 1


def test_an_issuer_that_is_down_costs_its_own_clients_a_503_and_others_nothing(
    ask: Ask, sign: Sign, endpoint: Any
) -> None:
    endpoint.status = 500
    refused = ask(sign(vouched()), auth=None)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.get_json() == {
        "error": "temporarily_unavailable",
        "error_description": "The server cannot answer now. Try again later.",
    }
    assert ask().status_code == 200
    assert ask(sign({"aud": "http://localhost:9000"}), auth=None).status_code == 200
