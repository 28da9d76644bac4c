"""The fresh check: without an answer of the authorization server (RFC 7662), no request passes."""

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.resource_server import protect, require_scope
from protected_api.resource_server.introspection import Introspection
from protected_api.resource_server.json_over_http import TIMEOUT
from protected_api.settings import Settings
from werkzeug.wrappers import Request, Response

SCOPE = "batch:upload read:timesheets delete:timesheets approve:timesheets"
METADATA = 'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
INACTIVE = "The token is not active any more."
UNKNOWN = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The token cannot be checked at present.",
}
Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def auth(bearer: Bearer) -> dict[str, str]:
    return bearer(scope=SCOPE)


@pytest.mark.requirement("RFC 7662 2.1 request")
def test_introspects_at_every_request_as_its_own_client(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str]
) -> None:
    for _ in range(2):
        assert fresh_client.get("/approvals", headers=auth).status_code == 200
    form = {"token": auth["Authorization"].removeprefix("Bearer "), "token_type_hint": "access_token"}
    [(method, sent, credentials), _] = issuer.introspected
    assert (method, sent) == ("POST", form)
    assert (credentials.username, credentials.password) == ("timesheets+api", "s3cret%2B%2F%25%3A")


def test_does_not_introspect_on_other_routes_or_for_a_bad_token(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str], bearer: Bearer
) -> None:
    assert fresh_client.get("/timesheets", headers=auth).status_code == 200
    assert fresh_client.get("/approvals", headers=bearer(aud="x")).status_code == 401
    assert fresh_client.get("/approvals", headers=bearer()).status_code == 403
    assert issuer.introspected == []


def test_looks_up_the_endpoint_in_the_metadata_once(
    fresh_settings: Settings, issuer: Any, auth: dict[str, str]
) -> None:
    app = create_app(replace(fresh_settings, introspection_url=None))
    app.extensions["keys"].refresh()
    for _ in range(2):
        assert app.test_client().get("/approvals", headers=auth).status_code == 200
    assert issuer.requests.count("/.well-known/oauth-authorization-server") == 1


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://x:y/",
            "http://x y/",
            "http://x\r\nX: y/",
            "http://[/",
            "http:///x",
            "http://\u00e9.invalid/",
        ),
        *("http://127.0.0.1:99999/", "file:///etc/passwd", "", 7, None),
    ],
)
def test_answers_503_when_the_metadata_names_no_usable_endpoint(
    fresh_settings: Settings, issuer: Any, auth: dict[str, str], url: Any
) -> None:
    good, issuer.metadata["introspection_endpoint"] = issuer.metadata["introspection_endpoint"], url
    app = create_app(replace(fresh_settings, introspection_url=None))
    app.extensions["keys"].refresh()
    assert_unknown(app.test_client().get("/approvals", headers=auth))
    issuer.metadata["introspection_endpoint"] = good
    assert app.test_client().get("/approvals", headers=auth).status_code == 200


def test_uses_a_rotated_secret_without_a_restart(
    fresh_client: FlaskClient, fresh_settings: Settings, issuer: Any, auth: dict[str, str]
) -> None:
    fresh_client.get("/approvals", headers=auth)
    Path(str(fresh_settings.client_secret_file)).write_text("new")
    fresh_client.get("/approvals", headers=auth)
    assert [credentials.password for *_, credentials in issuer.introspected] == ["s3cret%2B%2F%25%3A", "new"]


def test_reads_a_secret_that_windows_has_written(
    fresh_client: FlaskClient, fresh_settings: Settings, issuer: Any, auth: dict[str, str]
) -> None:
    Path(str(fresh_settings.client_secret_file)).write_bytes(b"\xef\xbb\xbfnew\r\n")
    fresh_client.get("/approvals", headers=auth)
    assert [credentials.password for *_, credentials in issuer.introspected] == ["new"]


@pytest.mark.requirement("RFC 7662 4 cache")
def test_refuses_a_remembered_token_once_it_is_inactive(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert fresh_client.get("/approvals", headers=auth).status_code == 200
    issuer.introspection = {"active": False}
    with caplog.at_level(logging.INFO):
        response = fresh_client.get("/approvals", headers=auth)
    body = {"error": "invalid_token", "error_description": INACTIVE}
    assert (response.status_code, response.json) == (401, body)
    assert response.headers["WWW-Authenticate"] == (
        f'Bearer realm="Timesheets API", error="invalid_token", error_description="{INACTIVE}", '
        f'scope="approve:timesheets", {METADATA}'
    )
    assert [vars(record)["check"] for record in caplog.records if "check" in vars(record)] == ["fresh"]


def assert_unknown(response: Any) -> None:
    assert (response.status_code, response.json) == (503, UNKNOWN)
    assert (response.headers["Retry-After"], response.headers.get("WWW-Authenticate")) == ("2", None)


def redirect(_: Request) -> Response:
    return Response(b'{"active": true}', 307, {"Location": "/introspect"})


@pytest.mark.parametrize(
    "answer",
    [
        *(
            b"",
            b"<html>",
            b"[" * 100_000,
            b'{"active": true',
            b"\xff",
            [],
            [True],
            {},
            "true",
            None,
            redirect,
        ),
        *({"active": "true"}, {"active": 1}, {"active": None}, {"Active": True}, b" " * 300_000),
        *(lambda _, s=status: Response(b'{"active": true}', s) for status in (201, 400, 401, 403, 500, 503)),
    ],
)
def test_answers_503_on_an_answer_that_is_not_an_introspection_response(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str], answer: Any
) -> None:
    issuer.introspection = answer
    assert_unknown(fresh_client.put("/approvals/1", headers=auth))
    issuer.introspection = {"active": True}
    assert fresh_client.get("/approvals", headers=auth).status_code == 200


def test_the_log_says_what_is_wrong_with_the_answer(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    issuer.introspection = {"active": "true"}
    assert_unknown(fresh_client.get("/approvals", headers=auth))
    [record] = [record for record in caplog.records if record.message == "access token not checked"]
    assert (record.levelname, vars(record)["check"]) == ("WARNING", "fresh")
    assert vars(record)["reason"] == "not an introspection response"


def test_a_fresh_route_of_an_app_that_cannot_introspect_serves_nothing(
    issuer: Any, auth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask(__name__)
    protect(app, issuer=issuer.url, audience="http://localhost:9001", realm="R", jwks_uri=issuer.jwks_uri)
    app.get("/approvals")(require_scope("approve:timesheets", fresh=True)(lambda _: "served"))
    assert app.test_client().get("/approvals", headers=auth).status_code == 503
    [record] = [record for record in caplog.records if record.message == "access token not checked"]
    assert (vars(record)["check"], vars(record)["reason"]) == ("fresh", "no introspection is configured")


def test_answers_503_when_the_authorization_server_is_down(
    fresh_settings: Settings, auth: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    app = create_app(replace(fresh_settings, introspection_url=f"http://127.0.0.1:{port}/"))
    app.extensions["keys"].refresh()
    assert_unknown(app.test_client().get("/approvals", headers=auth))


def test_limits_metadata_and_introspection_to_three_seconds_together(fresh_settings: Settings) -> None:
    deadlines: list[float] = []

    def answer(_: str, __: str, deadline: float, *___: Any) -> dict[str, Any]:
        deadlines.append(deadline)
        return {"issuer": "http://as.example", "introspection_endpoint": "http://as.example/", "active": True}

    began, secret_file = time.monotonic(), str(fresh_settings.client_secret_file)
    assert Introspection("http://as.example", None, "api", secret_file, answer).active("a token")
    first, second = deadlines
    assert began + TIMEOUT <= first == second <= time.monotonic() + TIMEOUT


def test_answers_503_when_the_secret_file_is_missing(
    fresh_client: FlaskClient, fresh_settings: Settings, auth: dict[str, str]
) -> None:
    Path(str(fresh_settings.client_secret_file)).unlink()
    assert_unknown(fresh_client.get("/approvals", headers=auth))
