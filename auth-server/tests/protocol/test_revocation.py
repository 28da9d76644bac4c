"""Token revocation, RFC 7009: its every MUST. There are no refresh tokens here, the one kind it asks for."""

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database import revoked_tokens
from auth_server.expiring_rows import ExpiringRows
from auth_server.startup import Service
from auth_server.tokens.issued_tokens import IssuedToken, IssuedTokens
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Issue = Callable[..., str]
LogLines = Callable[[], list[dict[str, Any]]]
Start = Callable[[dict[str, str]], Service]

ISSUER = "https://issuer.example"


def rows(service: Service) -> list[str]:
    with service.engine.connect() as connection:
        return list(connection.scalars(select(revoked_tokens.c.jti)))


def jti(token: str) -> str:
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["jti"])


def assert_answers_200(response: TestResponse) -> None:
    assert (response.status_code, response.get_json()) == (200, {})
    assert response.headers["Cache-Control"] == "no-store"


def test_a_client_revokes_its_own_token(
    revoke: Ask, introspect: Ask, issue: Issue, service: Service, log_lines: LogLines
) -> None:
    """RFC 7009 2.1 and 2.2: invalidated immediately, answered with 200; its other tokens are not touched."""
    token, other = issue(), issue()
    assert_answers_200(revoke(token))
    line = log_lines()[-1]
    assert (line["message"], line["client_id"], line["jti"]) == ("token revoked", "job", jti(token))
    assert introspect(token).get_json() == {"active": False}
    assert introspect(other).get_json()["active"] is True
    assert rows(service) == [jti(token)]


def test_every_worker_sees_it_at_the_next_request(
    revoke: Ask, issue: Issue, environ: dict[str, str], start: Start
) -> None:
    other = create_app(start(environ)).test_client()
    token = issue()
    for active in (True, False):
        answer = other.post("/oauth/introspect", data={"token": token}, auth=("api", "api-secret"))
        assert answer.get_json()["active"] is active
        revoke(token)


def test_revoking_twice_and_at_once_is_revoking(
    revoke: Ask, issue: Issue, app: Flask, service: Service
) -> None:
    token = issue()

    def send(_: int) -> int:
        form = {"token": token}
        return app.test_client().post("/oauth/revoke", data=form, auth=("job", "job-secret")).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(8))) == [200] * 8
    assert_answers_200(revoke(token))
    assert rows(service) == [jti(token)]


@pytest.mark.parametrize("who", ["many", "api"])
def test_refuses_to_revoke_a_token_of_another_client(
    revoke: Ask, introspect: Ask, issue: Issue, log_lines: LogLines, who: str
) -> None:
    """RFC 7009 2.1: verifies that the token was issued to the client; the refusal is told."""
    token = issue()
    response = revoke(token, who=who)
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_grant",
        "error_description": "The token was issued to another client.",
    }
    line = log_lines()[-1]
    assert (line["message"], line["client_id"], line["error"]) == ("revocation refused", who, "invalid_grant")
    assert introspect(token).get_json()["active"] is True


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "https://a.example/unknown", "\u00fc"])
def test_revokes_the_token_whatever_the_hint(revoke: Ask, introspect: Ask, issue: Issue, hint: str) -> None:
    """RFC 7009 2.1 and 2.2: MUST look among all its kinds; an unknown hint is ignored."""
    token = issue()
    assert_answers_200(revoke(token, token_type_hint=hint))
    assert introspect(token).get_json() == {"active": False}


def test_an_expired_token_is_nothing_to_revoke(
    revoke: Ask, make_token: Callable[..., str], service: Service, log_lines: LogLines
) -> None:
    """RFC 7009 2.2: an invalid token is answered with 200."""
    assert_answers_200(revoke(make_token("many", now=lambda: time.time() - 60)))
    assert (log_lines()[-1]["message"], log_lines()[-1]["reason"]) == ("nothing to revoke", "expired")
    assert rows(service) == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(st.characters(exclude_categories=[]), min_size=1))
def test_an_unknown_token_is_answered_with_200(client: FlaskClient, token: str) -> None:
    """RFC 7009 2.2: the client could not do anything sensible about an error."""
    assert_answers_200(client.post("/oauth/revoke", json={"token": token}, auth=("job", "job-secret")))


def test_refuses_a_request_without_a_token(client: FlaskClient) -> None:
    """RFC 7009 2.1: `token` is REQUIRED."""
    response = client.post("/oauth/revoke", data={"token": ""}, auth=("job", "job-secret"))
    assert response.status_code == 400
    assert response.get_json() == {"error": "invalid_request", "error_description": "The token is missing."}


@pytest.mark.parametrize("auth", [None, ("job", "wrong"), ("who", "x"), ("off", "off-secret")])
def test_validates_the_credentials_before_the_token(
    client: FlaskClient, introspect: Ask, issue: Issue, auth: tuple[str, str] | None
) -> None:
    """RFC 7009 2.1: first validates the client credentials."""
    token = issue()
    response = client.post("/oauth/revoke", data={"token": token}, auth=auth)
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}", charset="UTF-8"'
    assert introspect(token).get_json()["active"] is True


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_takes_post_alone(client: FlaskClient, method: str) -> None:
    """RFC 7009 2: the client makes a POST request."""
    response = client.open("/oauth/revoke", method=method, query_string={"token": "a"})
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_publishes_an_https_address_without_query_and_fragment(client: FlaskClient) -> None:
    """RFC 7009 2: MUST be https (and a plain http issuer is refused at start) and conform to RFC 6749 3.1."""
    metadata = client.get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["revocation_endpoint"] == f"{ISSUER}/oauth/revoke"


def test_without_a_database_says_that_it_has_not_revoked(
    app: Flask, issue: Issue, service: Service, tmp_path: Path
) -> None:
    """RFC 7009 2.2.1: 503, after which the client knows that the token lives, and when to come again."""
    token = issue()
    service.engine.dispose()
    for file in tmp_path.glob("auth-server.db*"):
        file.unlink()
    response = app.test_client().post("/oauth/revoke", data={"token": token}, auth=("job", "job-secret"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json()["error"] == "temporarily_unavailable"


def test_a_revocation_is_forgotten_when_the_token_has_expired(service: Service) -> None:
    now = [1000.0]
    revoked = ExpiringRows(service.engine, revoked_tokens, lambda: now[0])
    issued = IssuedTokens(ISSUER, service.keys, service.engine, revoked, lambda: now[0])
    kept = []
    for name, at in (("a", 1000.0), ("b", 1059.0), ("c", 1060.0)):
        now[0] = at
        issued.revoke(IssuedToken({"jti": name, "exp": at + 30}))
        kept.append(rows(service))
    assert kept == [["a"], ["a", "b"], ["b", "c"]]
