"""The answers to unknown paths, wrong methods and failures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from auth_server.app import create_app
from auth_server.database.tables import signing_keys
from auth_server.startup import Service
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.exceptions import InternalServerError, NotFound

pytestmark = pytest.mark.databases("sqlite", "postgresql")

PROBLEM = "application/problem+json"


@pytest.mark.requirement("RFC 9457 3 media type")
def test_unknown_paths_and_other_methods_are_problem_documents(client: FlaskClient) -> None:
    response = client.get("/nowhere")
    assert (response.status_code, response.content_type) == (404, PROBLEM)
    assert response.get_json(force=True) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": NotFound.description,
    }
    response = client.post("/healthz")
    assert (response.status_code, response.content_type) == (405, PROBLEM)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD"}
    assert client.get("/oauth/nowhere").get_json() == {
        "error": "invalid_request",
        "error_description": "Not Found.",
    }


@pytest.mark.requirement("RFC 9457 5 internals")
def test_a_failure_shows_no_internals(app: Flask) -> None:
    app.add_url_rule("/oauth/fail", "a", view_func=lambda: str(1 / 0))
    app.add_url_rule("/fail", "b", view_func=lambda: str(1 / 0))
    client = app.test_client()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = client.get("/oauth/fail")
    assert response.status_code == 500
    description = "The server could not answer. The fault is not yours."
    assert response.get_json() == {"error": "server_error", "error_description": description}
    assert client.get("/fail").get_json(force=True) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": InternalServerError.description,
    }


def damage(_service: Service, file: Path) -> None:
    file.write_bytes(b"This is no database. " * 1000)


def make_read_only(service: Service, _file: Path) -> None:
    event.listen(service.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("break_database", [damage, make_read_only])
def test_with_a_damaged_or_read_only_database_answers_503(
    client: FlaskClient,
    sign: Callable[..., dict[str, str]],
    service: Service,
    tmp_path: Path,
    break_database: Callable[[Service, Path], None],
) -> None:
    service.engine.dispose()
    for file in tmp_path.glob("auth-server.db-*"):
        file.unlink()
    break_database(service, tmp_path / "auth-server.db")
    service.engine.dispose()
    response = client.post("/oauth/token", data={"grant_type": "client_credentials"} | sign())
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json()["error"] == "temporarily_unavailable"


@pytest.mark.usefixtures("no_database")
def test_without_a_database_answers_503(client: FlaskClient) -> None:
    response = client.post("/oauth/token", data={"a": "b"}, auth=("job", "job-secret"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json() == {
        "error": "temporarily_unavailable",
        "error_description": "The server cannot answer now. Try again later.",
    }


def test_without_a_database_answers_other_endpoints_with_a_problem_document(
    environ: dict[str, str], start: Callable[[dict[str, str]], Service]
) -> None:
    service = start(environ | {"CACHE_TTL": "0"})
    with service.engine.begin() as connection:
        signing_keys.drop(connection)
    response = create_app(service).test_client().get("/.well-known/jwks.json")
    assert (response.status_code, response.content_type) == (503, PROBLEM)
    assert response.headers["Retry-After"] == "5"
    assert response.get_json(force=True)["title"] == "Service Unavailable"
