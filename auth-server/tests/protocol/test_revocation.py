"""Token revocation (RFC 7009): a client revokes its own tokens. This server has no refresh tokens."""

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database.tables import revoked_tokens
from auth_server.startup import Service
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]
Issue = Callable[..., str]
LogLines = Callable[[], list[dict[str, Any]]]
Start = Callable[[dict[str, str]], Service]


def rows(service: Service) -> list[str]:
    with service.engine.connect() as connection:
        return list(connection.scalars(select(revoked_tokens.c.jti)))


def jti(token: str) -> str:
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["jti"])


def assert_answers_200(response: TestResponse) -> None:
    assert (response.status_code, response.get_json()) == (200, {})
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC 7009 2 access tokens", "RFC 7009 2.1 at once", "RFC 7009 2.2 success")
def test_a_client_revokes_its_own_token(
    revoke: Ask, introspect: Ask, issue: Issue, service: Service, log_lines: LogLines
) -> None:
    """RFC 7009 2.1 and 2.2: the token is invalid at once, the answer is 200, and other tokens stay valid."""
    token, other = issue(), issue()
    assert_answers_200(revoke(token))
    line = log_lines()[-1]
    assert (line["message"], line["client_id"], line["jti"]) == ("token revoked", "job", jti(token))
    assert introspect(token).get_json() == {"active": False}
    assert introspect(other).get_json()["active"] is True
    assert rows(service) == [jti(token)]


@pytest.mark.requirement("RFC 7009 2.1 at once")
def test_every_worker_sees_it_at_the_next_request(
    revoke: Ask, issue: Issue, environ: dict[str, str], start: Start
) -> None:
    other = create_app(start(environ)).test_client()
    token = issue()
    for active in (True, False):
        answer = other.post("/oauth/introspect", data={"token": token}, auth=("api", "api-secret"))
        assert answer.get_json()["active"] is active
        revoke(token)


def test_revoking_twice_or_at_the_same_time_succeeds(
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


@pytest.mark.requirement("RFC 7009 2.1 own tokens")
@pytest.mark.parametrize("who", ["many", "api"])
def test_refuses_to_revoke_a_token_of_another_client(
    revoke: Ask, introspect: Ask, issue: Issue, log_lines: LogLines, who: str
) -> None:
    """RFC 7009 2.1: the server verifies that the token was issued to the client, and says so."""
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


@pytest.mark.requirement("RFC 7009 2.1 hint", "RFC 7009 2.2 unknown hint")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "https://a.example/unknown", "\u00fc"])
def test_revokes_the_token_whatever_the_hint(revoke: Ask, introspect: Ask, issue: Issue, hint: str) -> None:
    """RFC 7009 2.1 and 2.2: the server MUST search all its types, and ignores an unknown hint."""
    token = issue()
    assert_answers_200(revoke(token, token_type_hint=hint))
    assert introspect(token).get_json() == {"active": False}


@pytest.mark.requirement("RFC 7009 2.2 success")
def test_an_expired_token_is_nothing_to_revoke(
    revoke: Ask, make_token: Callable[..., str], service: Service, log_lines: LogLines
) -> None:
    """RFC 7009 2.2: an invalid token is answered with 200."""
    assert_answers_200(revoke(make_token("many", now=lambda: time.time() - 60)))
    assert (log_lines()[-1]["message"], log_lines()[-1]["reason"]) == ("nothing to revoke", "expired")
    assert rows(service) == []


@pytest.mark.requirement("RFC 7009 2.2 success")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(st.characters(exclude_categories=[]), min_size=1))
def test_an_unknown_token_is_answered_with_200(client: FlaskClient, token: str) -> None:
    """RFC 7009 2.2: the client could not do anything sensible about an error."""
    assert_answers_200(client.post("/oauth/revoke", json={"token": token}, auth=("job", "job-secret")))
