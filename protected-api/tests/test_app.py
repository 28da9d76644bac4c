"""The app as a whole: answers where there is no route, what an error shows, and what it logs."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.settings import Settings


def test_answers_503_when_the_database_cannot_be_used(
    client: FlaskClient, settings: Settings, bearer: Callable[..., dict[str, str]]
) -> None:
    with sqlite3.connect(settings.database_file) as connection:
        connection.execute("DROP TABLE timesheets")
    connection.close()
    response = client.get("/timesheets", headers=bearer())
    assert (response.status_code, response.headers["Retry-After"], response.json) == (
        503,
        "2",
        {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": "The database is not available.",
        },
    )


def test_keeps_the_key_set_in_the_file_that_the_settings_name(
    settings: Settings, issuer: Any, tmp_path: Path, bearer: Callable[..., dict[str, str]]
) -> None:
    settings = replace(settings, jwks_file=str(tmp_path / "jwks.json"))
    create_app(settings).extensions["keys"].refresh()
    issuer.key_set = b""
    assert create_app(settings).test_client().get("/timesheets", headers=bearer()).status_code == 200


@pytest.mark.requirement("RFC 9457 3 media type", "RFC 9457 3.1 members", "RFC 9457 3.1.3 status")
def test_answers_404_and_405_as_problems(client: FlaskClient) -> None:
    missing = client.get("/nothing")
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "application/problem+json")
    assert missing.json is not None
    assert (missing.json["title"], missing.json["status"]) == ("Not Found", 404)
    wrong = client.put("/timesheets")
    assert wrong.status_code == 405
    assert {method.strip() for method in wrong.headers["Allow"].split(",")} == {
        "GET",
        "HEAD",
        "OPTIONS",
        "POST",
    }


@pytest.mark.requirement("RFC 9457 5 internals")
def test_a_500_shows_no_internals(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret")

    response = app.test_client().get("/broken")
    assert (response.status_code, response.headers["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in response.text


@pytest.mark.requirement("RFC 6749 10.3 confidential tokens")
def test_logs_why_a_token_is_refused_but_never_the_token(
    client: FlaskClient, issuer: Any, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    token = issuer.token(aud="x")
    client.get("/timesheets", headers={"Authorization": f"Bearer {token}"})
    refused, request = log_lines()
    assert (refused["check"], refused["reason"]) == ("audience", "The token is for another audience.")
    assert refused["trace_id"] == request["trace_id"]
    assert token not in json.dumps([refused, request])


def test_logs_a_traceback_without_values(app: Flask, log_lines: Callable[[], list[dict[str, Any]]]) -> None:
    @app.get("/broken")
    def broken() -> str:
        secret = "hidden"
        raise RuntimeError(len(secret))

    app.test_client().get("/broken")
    error, request = log_lines()
    assert (error["level"], request["status"]) == ("error", 500)
    assert "RuntimeError: 6" in error["exception"]
    assert "hidden" not in error["exception"].replace('secret = "hidden"', "")
