"""The routes without a scope, the answers to what is no route, the start and the log."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from protected_api.app import create_app, settings_from
from protected_api.settings import Settings, SettingsError

SERVICE = Path(__file__).parents[1]


def test_describes_itself_to_clients(client: FlaskClient, issuer: Any) -> None:
    response = client.get("/.well-known/oauth-protected-resource")
    assert (response.status_code, response.json) == (
        200,
        {
            "resource": "http://localhost:9001",
            "resource_name": "Timesheets API",
            "authorization_servers": [issuer.url],
            "bearer_methods_supported": ["header"],
            "scopes_supported": [
                *("approve:timesheets", "batch:upload", "create:timesheets"),
                *("delete:timesheets", "read:timesheets"),
            ],
        },
    )


def test_serves_its_metadata_where_a_resource_with_a_path_has_it(settings: Settings) -> None:
    app = create_app(replace(settings, audience="https://api.example/v1"))
    assert app.test_client().get("/.well-known/oauth-protected-resource/v1").status_code == 200


def test_is_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_is_not_ready_without_its_database(client: FlaskClient, settings: Settings) -> None:
    with sqlite3.connect(settings.database_file) as connection:
        connection.execute("DROP TABLE timesheets")
    connection.close()
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (
        503,
        {"status": "not ready", "reason": "the database cannot be read"},
    )


def test_answers_503_when_the_database_is_gone(
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


def test_says_nothing_of_internals_when_it_fails(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret")

    response = app.test_client().get("/broken")
    assert (response.status_code, response.headers["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in response.text


NAME_A_FILE = "name a file in a folder that may be written to"


def test_reports_an_unusable_database_together_with_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        settings_from(
            {"AUDIENCE": "http://localhost:9001", "DATABASE_FILE": str(tmp_path / "missing" / "x.db")}
        )
    assert error.value.problems == (
        "ISSUER: is not set; set it",
        f"DATABASE_FILE: cannot be used (unable to open database file); {NAME_A_FILE}",
    )


def test_takes_good_settings_and_prepares_the_database(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    environ = {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9001"}
    assert settings_from({**environ, "DATABASE_FILE": str(file)}).database_file == str(file)
    assert file.exists()


def test_reports_settings_without_a_database() -> None:
    with pytest.raises(SettingsError, match="DATABASE_FILE: is not set; set it"):
        settings_from({})


def start(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import protected_api.wsgi"]
    return subprocess.run(  # noqa: S603  (our own interpreter)
        command,
        cwd=SERVICE,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_prints_all_problems_in_one_message_and_exits() -> None:
    done = start({"ISSUER": "http://localhost:9000", "CLOCK_SKEW": "x"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "protected-api: cannot start, 3 problem(s):\n"
        "  - AUDIENCE: is not set; set it\n"
        "  - DATABASE_FILE: is not set; set it\n"
        "  - CLOCK_SKEW: is not a whole number of seconds; give one from 0 to 999999999\n"
    )


def test_starts_with_good_settings(tmp_path: Path) -> None:
    environ = {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9001"}
    done = start({**environ, "DATABASE_FILE": str(tmp_path / "x.db")})
    assert (done.returncode, done.stderr) == (0, "")


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("traceparent", "kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", True),
        *[
            (value, False)
            for value in ("", "x", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01")
        ],
        *[
            (value, False)
            for value in (f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE.upper()}-00f067aa0ba902b7-01")
        ],
    ],
)
def test_logs_one_line_per_request_in_its_trace(
    client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]], traceparent: str, kept: bool
) -> None:
    client.get("/timesheets?access_token=secret", headers={"traceparent": traceparent})
    _, line = log_lines()
    assert line.keys() == {
        *("time", "level", "service", "logger", "message", "trace_id"),
        *("method", "path", "status", "duration_ms"),
    }
    assert (line["trace_id"] == TRACE) is kept
    assert len(line["trace_id"]) == 32
    assert (line["level"], line["service"], line["message"]) == ("info", "protected-api", "request")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/timesheets", 401)
    assert line["time"].endswith("Z")


def test_logs_the_beginning_of_a_long_path(
    client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client.get("/" + "\x01" * 3000)
    (line,) = log_lines()
    assert line["path"] == "/" + "\x01" * 499


def test_logs_probes_at_debug(client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]]) -> None:
    client.get("/healthz")
    client.get("/readyz")
    assert log_lines() == []


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
