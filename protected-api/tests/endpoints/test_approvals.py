"""Approving, and the fresh check that guards it: RFC 7662 over real HTTP, and never "let through"."""

import logging
import runpy
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.resource_server.introspection import Introspection
from protected_api.resource_server.json_over_http import TIMEOUT
from protected_api.settings import Settings
from werkzeug.wrappers import Request, Response

ENTRY = {"user_id": "u1", "date": "2026-11-02", "project": "P", "hours": "1.00"}
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


@pytest.fixture
def booked(fresh_client: FlaskClient, auth: dict[str, str]) -> None:
    entries = [{"external_id": name, **ENTRY} for name in ("e1", "e2")]
    fresh_client.post("/timesheets/upload", json={"entries": entries}, headers=auth)


@pytest.mark.usefixtures("booked")
def test_approving_twice_is_harmless(fresh_client: FlaskClient, auth: dict[str, str], bearer: Bearer) -> None:
    first = fresh_client.put("/approvals/1", headers=auth)
    assert (first.status_code, first.json) == (
        200,
        {"id": 1, "external_id": "e1", **ENTRY, "client_id": "import-job", "department": None}
        | {"approved_by": "import-job", "approved_at": first.json and first.json["approved_at"]},
    )
    again = fresh_client.put("/approvals/1", headers=bearer(scope=SCOPE, client_id="other"))
    assert (again.status_code, again.json) == (200, first.json)


@pytest.mark.usefixtures("booked")
def test_lists_what_is_approved_and_what_is_not(fresh_client: FlaskClient, auth: dict[str, str]) -> None:
    def ids(path: str) -> list[int]:
        [rows] = [value for value in (fresh_client.get(path, headers=auth).json or {}).values() if value]
        return [row["id"] for row in rows]

    fresh_client.put("/approvals/2", headers=auth)
    assert ids("/approvals") == [1, 2]
    for path in ("/approvals", "/timesheets"):
        assert (ids(f"{path}?approved=true"), ids(f"{path}?approved=false")) == ([2], [1])


@pytest.mark.usefixtures("booked")
def test_deletes_no_approved_timesheet(fresh_client: FlaskClient, auth: dict[str, str]) -> None:
    fresh_client.put("/approvals/1", headers=auth)
    refused = fresh_client.delete("/timesheets/1", headers=auth)
    assert (refused.status_code, refused.json) == (
        409,
        {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "An approved timesheet cannot be deleted.",
        },
    )
    assert fresh_client.delete("/timesheets/2", headers=auth).status_code == 204


@pytest.mark.parametrize("number", ["1", "999999999999999999", "9" * 5000, "0", "-1", "x", "٣"])
def test_approves_only_what_there_is(fresh_client: FlaskClient, auth: dict[str, str], number: str) -> None:
    response = fresh_client.put(f"/approvals/{number}", headers=auth)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")


def test_introspects_at_every_request_as_its_own_client(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str]
) -> None:
    for _ in range(2):
        assert fresh_client.get("/approvals", headers=auth).status_code == 200
    form = {"token": auth["Authorization"].removeprefix("Bearer "), "token_type_hint": "access_token"}
    [(method, sent, credentials), _] = issuer.introspected
    assert (method, sent) == ("POST", form)
    assert (credentials.username, credentials.password) == ("timesheets+api", "s3cret%2B%2F%25%3A")


def test_asks_nobody_on_other_routes_or_for_a_bad_token(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str], bearer: Bearer
) -> None:
    assert fresh_client.get("/timesheets", headers=auth).status_code == 200
    assert fresh_client.get("/approvals", headers=bearer(aud="x")).status_code == 401
    assert fresh_client.get("/approvals", headers=bearer()).status_code == 403
    assert issuer.introspected == []


def test_finds_the_endpoint_in_the_metadata_once(
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
def test_lets_nobody_through_where_the_metadata_name_no_usable_endpoint(
    fresh_settings: Settings, issuer: Any, auth: dict[str, str], url: Any
) -> None:
    good, issuer.metadata["introspection_endpoint"] = issuer.metadata["introspection_endpoint"], url
    app = create_app(replace(fresh_settings, introspection_url=None))
    app.extensions["keys"].refresh()
    assert_unknown(app.test_client().get("/approvals", headers=auth))
    issuer.metadata["introspection_endpoint"] = good
    assert app.test_client().get("/approvals", headers=auth).status_code == 200


def test_takes_a_rotated_secret_without_a_restart(
    fresh_client: FlaskClient, fresh_settings: Settings, issuer: Any, auth: dict[str, str]
) -> None:
    fresh_client.get("/approvals", headers=auth)
    Path(str(fresh_settings.client_secret_file)).write_text("new")
    fresh_client.get("/approvals", headers=auth)
    assert [credentials.password for *_, credentials in issuer.introspected] == ["s3cret%2B%2F%25%3A", "new"]


def test_refuses_an_inactive_token_at_once_though_it_is_remembered(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert fresh_client.get("/approvals", headers=auth).status_code == 200
    issuer.introspection = {"active": False}
    with caplog.at_level(logging.INFO):
        response = fresh_client.get("/approvals", headers=auth)
    body = {"error": "invalid_token", "error_description": INACTIVE}
    assert (response.status_code, response.json) == (401, body)
    assert response.headers["WWW-Authenticate"] == (
        f'Bearer realm="Timesheets API", error="invalid_token", error_description="{INACTIVE}", {METADATA}'
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
def test_lets_nobody_through_on_an_answer_that_is_none(
    fresh_client: FlaskClient, issuer: Any, auth: dict[str, str], answer: Any
) -> None:
    issuer.introspection = answer
    assert_unknown(fresh_client.put("/approvals/1", headers=auth))
    issuer.introspection = {"active": True}
    assert fresh_client.get("/approvals", headers=auth).status_code == 200


def test_lets_nobody_through_without_an_answer(fresh_settings: Settings, auth: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    app = create_app(replace(fresh_settings, introspection_url=f"http://127.0.0.1:{port}/"))
    app.extensions["keys"].refresh()
    assert_unknown(app.test_client().get("/approvals", headers=auth))


def test_gives_metadata_and_introspection_three_seconds_together(fresh_settings: Settings) -> None:
    deadlines: list[float] = []

    def answer(_: str, __: str, deadline: float, *___: Any) -> dict[str, Any]:
        deadlines.append(deadline)
        return {"issuer": "http://as.example", "introspection_endpoint": "http://as.example/", "active": True}

    began, secret_file = time.monotonic(), str(fresh_settings.client_secret_file)
    assert Introspection("http://as.example", None, "api", secret_file, call=answer, traceparent=str).active(
        "a token"
    )
    first, second = deadlines
    assert began + TIMEOUT <= first == second <= time.monotonic() + TIMEOUT


def test_lets_nobody_through_when_the_secret_is_gone(
    fresh_client: FlaskClient, fresh_settings: Settings, auth: dict[str, str]
) -> None:
    Path(str(fresh_settings.client_secret_file)).unlink()
    assert_unknown(fresh_client.get("/approvals", headers=auth))


def test_lets_nobody_through_where_nothing_is_configured_and_says_so_at_the_start(
    settings: Settings, fresh_settings: Settings, auth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    when_ready = runpy.run_path(str(Path(__file__).parents[2] / "gunicorn.conf.py"))["when_ready"]
    for chosen in (fresh_settings, settings):
        app = create_app(chosen)
        when_ready(SimpleNamespace(app=SimpleNamespace(wsgi=lambda app=app: app), log=logging.getLogger()))
    sentence = "approvals answer 503: CLIENT_ID and CLIENT_SECRET_FILE for introspection are not set"
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [sentence]
    app.extensions["keys"].refresh()
    assert_unknown(app.test_client().get("/approvals", headers=auth))
