"""`POST /oauth/introspect`: which requests it answers, and how (RFC 7662 2)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.settings import LONGEST_TOKEN
from auth_server.startup import Service
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Issue = Callable[..., str]
LogLines = Callable[[], list[dict[str, Any]]]
Start = Callable[[dict[str, str]], Service]
ISSUER = "https://issuer.example"
NO_STORE = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


def assert_inactive(response: TestResponse) -> None:
    """Expect the one answer for every token that is not active (RFC 7662 2.2)."""
    assert (response.status_code, response.get_json()) == (200, {"active": False})
    assert dict(response.headers) == NO_STORE | {"Content-Length": "16"}


def decoded(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


@pytest.mark.requirement("RFC 7662 2.1 request")
@pytest.mark.parametrize("body", [b"", b"token=", b"token_type_hint=access_token"])
def test_refuses_a_request_without_a_token(client: FlaskClient, log_lines: LogLines, body: bytes) -> None:
    """RFC 7662 2.1: `token` is REQUIRED."""
    response = client.post(
        "/oauth/introspect",
        data=body,
        content_type="application/x-www-form-urlencoded",
        auth=("api", "api-secret"),
    )
    assert response.status_code == 400
    assert response.get_json() == {"error": "invalid_request", "error_description": "The token is missing."}
    assert log_lines()[-1]["message"] == "introspection refused"


def test_reads_the_longest_token_that_a_setting_allows(client: FlaskClient) -> None:
    token = {"token": "/" * LONGEST_TOKEN, "token_type_hint": "access_token"}
    assert_inactive(client.post("/oauth/introspect", json=token, auth=("api", "api-secret")))
    token["token"] = "a" * LONGEST_TOKEN
    assert_inactive(client.post("/oauth/introspect", data=token, auth=("api", "api-secret")))


@pytest.mark.requirement("RFC 7662 4 GET")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_accepts_only_post(client: FlaskClient, method: str) -> None:
    """RFC 7662 2.1 and 4: POST; with GET, proxies would log the token."""
    response = client.open("/oauth/introspect", method=method, query_string={"token": "a"})
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.requirement("RFC 7662 4 GET")
def test_reads_no_token_from_the_query_string(client: FlaskClient, issue: Issue) -> None:
    response = client.post(
        "/oauth/introspect", query_string={"token": issue()}, data={"token": "a"}, auth=("api", "api-secret")
    )
    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_request"


@pytest.mark.requirement("RFC 7662 2.1 authorization")
def test_requires_the_caller_to_authenticate(client: FlaskClient, issue: Issue, log_lines: LogLines) -> None:
    """RFC 7662 2.1: MUST require authorization, against token scanning."""
    response = client.post("/oauth/introspect", data={"token": issue()})
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}", charset="UTF-8"'
    line = log_lines()[-1]
    assert (line["message"], line["reason"]) == ("introspection refused", "no credential")


@pytest.mark.requirement("RFC 7662 2.3 credentials")
@pytest.mark.parametrize("auth", [("api", "wrong"), ("who", "api-secret"), ("off", "off-secret")])
def test_answers_401_to_invalid_credentials(client: FlaskClient, issue: Issue, auth: tuple[str, str]) -> None:
    """RFC 7662 2.3: as RFC 6749 5.2 has it."""
    response = client.post("/oauth/introspect", data={"token": issue()}, auth=auth)
    assert response.status_code == 401
    assert response.get_json()["error"] == "invalid_client"
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}", charset="UTF-8"'


def test_accepts_every_authentication_method_that_the_metadata_names(
    client: FlaskClient, issue: Issue, sign: Callable[..., dict[str, str]], ask: Ask
) -> None:
    token = issue()
    credentials: list[dict[str, Any]] = [
        {"auth": ("api", "api-secret"), "data": {"token": token}},
        {"data": {"token": token, "client_id": "api", "client_secret": "api-secret"}},
        {"json": {"token": token, "client_id": "api", "client_secret": "api-secret"}},
        {"data": {"token": ask(sign(), auth=None).get_json()["access_token"]} | sign()},
    ]
    answers = [client.post("/oauth/introspect", **options).get_json() for options in credentials]
    assert [answer["active"] for answer in answers] == [True] * 4


def test_counts_failed_authentications_together_with_the_token_endpoint(
    environ: dict[str, str], start: Start
) -> None:
    client = create_app(start(environ | {"FAILED_LOGINS_PER_MINUTE": "2"})).test_client()
    paths = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"]
    assert [client.post(path, data={"a": "b"}, auth=("job", "x")).status_code for path in paths] == [
        401,
        401,
        429,
    ]


GARBAGE = st.one_of(
    st.text(st.characters(exclude_categories=[]), min_size=1),
    st.lists(st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()), min_size=2).map(".".join),
)


@pytest.mark.fuzz
@pytest.mark.requirement("RFC 7662 2.2 inactive", "RFC 7662 2.2 nothing else", "RFC 7662 2.3 no error")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=GARBAGE)
def test_garbage_is_a_token_that_is_not_active(client: FlaskClient, token: str) -> None:
    """RFC 7662 2.2 and 2.3: not an error, MUST be answered with `active` false."""
    assert_inactive(client.post("/oauth/introspect", json={"token": token}, auth=("api", "api-secret")))


@pytest.mark.requirement("RFC 7662 5 no log")
def test_one_log_line_says_who_asked_and_never_the_token(
    introspect: Ask, issue: Issue, log_lines: LogLines
) -> None:
    token = issue()
    introspect(token)
    line = log_lines()[-1]
    assert (line["message"], line["path"], line["status"]) == ("token introspected", "/oauth/introspect", 200)
    assert (line["client_id"], line["active"], line["jti"]) == ("api", True, decoded(token)["jti"])
    assert token.rpartition(".")[2] not in json.dumps(log_lines())
