"""EXPLAIN=1: each answer names the checks that ran and why the last one failed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database.tables import clients
from auth_server.server_timing import begin_checks, failed_check
from auth_server.startup import Service
from flask import Response
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.test import TestResponse

Send = Callable[..., TestResponse]

CHECKS = ["request", "credentials", "grant-type", "target", "scope", "actions", "sign"]
RIGHT = {"grant_type": "client_credentials"}


@pytest.fixture
def explained(environ: dict[str, str], start: Callable[[dict[str, str]], Service]) -> Service:
    return start(environ | {"ISSUER": "http://localhost:9000", "EXPLAIN": "1"})


@pytest.fixture
def client(explained: Service) -> FlaskClient:
    return create_app(explained).test_client()


@pytest.fixture
def send(client: FlaskClient) -> Send:
    def post(parameters: dict[str, str] | None = None, **options: Any) -> TestResponse:
        options.setdefault("auth", ("job", "job-secret"))
        return client.post("/oauth/token", data=RIGHT | (parameters or {}), **options)

    return post


def explanation(response: TestResponse) -> list[tuple[str, str | None]]:
    """Return the name and the description of each metric in the header."""
    metric = re.compile(r'([a-z-]+);dur=[0-9]+\.[0-9]{3}(?:;desc="((?:[^"\\]|\\.)*)")?(?:, |$)')
    header = response.headers["Server-Timing"]
    assert "".join(match[0] for match in metric.finditer(header)) == header
    return [(match[1], match[2] or None) for match in metric.finditer(header)]


def test_names_every_check_of_a_token_that_is_issued(send: Send) -> None:
    assert explanation(send()) == [(name, None) for name in CHECKS]


def test_names_a_parameter_that_is_ignored_and_looks_like_one_of_ours(send: Send) -> None:
    note = ("note", "ignored: scopes; did you mean scope?")
    first, *others = [(name, None) for name in CHECKS]
    assert explanation(send({"scopes": "read"})) == [first, note, *others]


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "Parameters belong in the body, not in the query string.": ("request", {"query_string": "a=b"}),
    "The content type must be application/x-www-form-urlencoded or application/json.": (
        "request",
        {"content_type": "text/plain"},
    ),
    "no credential": ("credentials", {"auth": None}),
    "wrong secret": ("credentials", {"auth": ("job", "wrong")}),
    "unknown client": ("credentials", {"auth": ("who", "wrong")}),
    "disabled client": ("credentials", {"auth": ("off", "off-secret")}),
    "The client_id is not that of the authenticated client.": (
        "credentials",
        {"parameters": {"client_id": "many"}},
    ),
    "The grant_type must be client_credentials.": (
        "grant-type",
        {"parameters": {"grant_type": "password"}},
    ),
    "The client has no grant for this target.": (
        "target",
        {"parameters": {"audience": "https://es.example"}},
    ),
    "a scope is not granted": ("scope", {"parameters": {"scope": "s3cret"}}),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_ends_with_the_check_that_failed_and_the_true_reason(send: Send, reason: str) -> None:
    check, options = REFUSED[reason]
    passed = CHECKS[: CHECKS.index(check)]
    assert explanation(send(**options)) == [*((name, None) for name in passed), (check, reason)]


PASSED = {
    "introspect": ["request", "credentials", "token", "standing", "permission"],
    "revoke": ["request", "credentials", "token", "permission", "revoke"],
}


@pytest.mark.parametrize("endpoint", PASSED)
def test_names_every_check_of_an_introspection_and_a_revocation(
    send: Send, client: FlaskClient, endpoint: str
) -> None:
    form = {"token": send().get_json()["access_token"]}
    answer = client.post(f"/oauth/{endpoint}", data=form, auth=("job", "job-secret"))
    assert explanation(answer) == [(name, None) for name in PASSED[endpoint]]


NOT_ACTIVE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "wrong secret": ("credentials", "introspect", {"auth": ("job", "wrong")}),
    "The token is missing.": ("token", "introspect", {"data": {"a": "b"}}),
    "not signed with a key of this server": ("token", "introspect", {"data": {"token": "a"}}),
    "this client may not ask about it": ("permission", "introspect", {"auth": ("many", "many-secret")}),
    "The token was issued to another client.": ("permission", "revoke", {"auth": ("many", "many-secret")}),
}


@pytest.mark.parametrize("reason", NOT_ACTIVE)
def test_says_why_a_token_is_not_active_or_not_revoked(send: Send, client: FlaskClient, reason: str) -> None:
    check, endpoint, options = NOT_ACTIVE[reason]
    right = {"data": {"token": send().get_json()["access_token"]}, "auth": ("job", "job-secret")}
    answer = client.post(f"/oauth/{endpoint}", **right | options)
    passed = PASSED[endpoint][: PASSED[endpoint].index(check)]
    assert explanation(answer) == [*((name, None) for name in passed), (check, reason)]


def test_says_why_actions_refuse(send: Send, tmp_path: Path) -> None:
    action = 'def on_execute_credentials_exchange(event, api): api.access.deny("invalid_scope", "Not now.")'
    (tmp_path / "actions/a.py").write_text(action)
    assert explanation(send())[-1] == ("actions", "Not now.")


def test_says_why_the_token_cannot_be_issued(send: Send, tmp_path: Path) -> None:
    action = 'api.access_token.set_custom_claim("urn:a", "a" * 4096)'
    (tmp_path / "actions/a.py").write_text(f"def on_execute_credentials_exchange(event, api): {action}")
    assert explanation(send())[-1] == (
        "sign",
        "the token would have 6162 characters, and MAX_TOKEN_LENGTH is 4096",
    )


def test_writes_the_reason_as_a_quoted_string(send: Send, tmp_path: Path) -> None:
    (tmp_path / 'actions/"\\ü.py').write_text("?")
    assert explanation(send())[-1] == ("actions", rf"action failed: {tmp_path}/actions/\"\\?.py:1")


def test_names_a_repeated_check_once(send: Send, explained: Service) -> None:
    assert send().status_code == 200
    with explained.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.execute(delete(clients))
    told = explanation(send({"scope": "admin"}))
    assert told == [
        ("request", None),
        ("credentials", "the client was removed or disabled meanwhile"),
    ]


def test_explains_refusals_outside_the_views(client: FlaskClient, explained: Service) -> None:
    assert explanation(client.get("/oauth/token")) == [("request", "Method Not Allowed.")]
    with explained.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE grants")
    refused = client.post("/oauth/token", data=RIGHT, auth=("job", "job-secret"))
    assert explanation(refused) == [("request", None), ("credentials", "the database cannot be used")]


def test_explains_nothing_if_no_check_is_made(client: FlaskClient) -> None:
    assert "Server-Timing" not in client.get("/.well-known/jwks.json").headers


def test_is_off_by_default(service: Service) -> None:
    client = create_app(service).test_client()
    answers = [
        client.post("/oauth/token", data=RIGHT, auth=("job", secret)) for secret in ("job-secret", "?")
    ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert not [answer for answer in answers if "Server-Timing" in answer.headers]


@pytest.mark.parametrize(("secret", "failed"), [("wrong", "credentials"), ("job-secret", "")])
def test_tells_code_around_the_app_which_check_has_failed(service: Service, secret: str, failed: str) -> None:
    """For an overlay that observes the app, without EXPLAIN."""
    app = create_app(service)
    app.before_request(begin_checks)

    @app.after_request
    def show(response: Response) -> Response:
        response.headers["Failed"] = failed_check()
        return response

    answer = app.test_client().post("/oauth/token", auth=("job", secret), data=RIGHT)
    assert answer.headers["Failed"] == failed
