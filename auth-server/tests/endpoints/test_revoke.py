"""`POST /oauth/revoke`: which requests it answers, and how (RFC 7009 2)."""

from collections.abc import Callable

import pytest
from auth_server.app import create_app
from auth_server.database.tables import revoked_tokens
from auth_server.startup import Service
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Issue = Callable[..., str]
Start = Callable[[dict[str, str]], Service]
ISSUER = "https://issuer.example"


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement("RFC 7009 2.1 token", "RFC 7009 2.2.1 errors")
def test_refuses_a_request_without_a_token(client: FlaskClient) -> None:
    """RFC 7009 2.1: `token` is REQUIRED."""
    response = client.post("/oauth/revoke", data={"token": ""}, auth=("job", "job-secret"))
    assert response.status_code == 400
    assert response.get_json() == {"error": "invalid_request", "error_description": "The token is missing."}


@pytest.mark.requirement("RFC 7009 2.1 authentication", "RFC 7009 2.2.1 errors")
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


@pytest.mark.requirement("RFC 7009 2.1 POST")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_accepts_only_post(client: FlaskClient, method: str) -> None:
    """RFC 7009 2: the client makes a POST request."""
    response = client.open("/oauth/revoke", method=method, query_string={"token": "a"})
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.requirement("RFC 7009 2 address")
def test_publishes_an_https_address_without_query_and_fragment(client: FlaskClient) -> None:
    """RFC 7009 2: MUST be https (and a plain http issuer is refused at start) and conform to RFC 6749 3.1."""
    metadata = client.get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["revocation_endpoint"] == f"{ISSUER}/oauth/revoke"


@pytest.mark.requirement("RFC 7009 2.2.1 unavailable")
def test_answers_503_when_the_revocation_cannot_be_written(
    environ: dict[str, str], start: Start, issue: Issue
) -> None:
    """RFC 7009 2.2.1: after a 503 the client knows that the token is still active, and when to retry."""
    token = issue()
    service = start(environ)
    with service.engine.begin() as connection:
        revoked_tokens.drop(connection)
    client = create_app(service).test_client()
    response = client.post("/oauth/revoke", data={"token": token}, auth=("job", "job-secret"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.get_json()["error"] == "temporarily_unavailable"
