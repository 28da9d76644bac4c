"""How refusals look to a caller: RFC 6750 2.1 and 3, RFC 9728 5.1. Not here: hostile tokens and headers."""

import io
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from protected_api.resource_server import require_scope
from protected_api.resource_server.authorization import presented_token
from protected_api.resource_server.refusals import RefusalError
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

METADATA = 'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
Make = Callable[[Any], str]


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    return shared_issuer


@pytest.fixture
def app(shared_app: Flask) -> Flask:
    return shared_app


def test_a_route_of_an_app_that_is_not_protected_says_what_to_call() -> None:
    app = Flask(__name__)
    app.testing = True
    app.get("/")(require_scope("read:reports")(lambda _: "served"))
    with pytest.raises(RuntimeError, match=re.escape("call protect(app, …)")):
        app.test_client().get("/")


def read(client: FlaskClient, authorization: str) -> TestResponse:
    return client.get("/timesheets", headers={"Authorization": authorization})


@pytest.mark.requirement("RFC 9068 4 exp")
@pytest.mark.parametrize(
    ("name", "offset"),
    [("exp", -58), ("exp", 10**9), *[(n, o) for n in ("iat", "nbf") for o in (58, -(10**9))]],
)
def test_allows_sixty_seconds_of_clock_skew(client: FlaskClient, issuer: Any, name: str, offset: int) -> None:
    assert read(client, f"Bearer {issuer.token(**{name: time.time() + offset})}").status_code == 200


GOOD: list[tuple[str, Make]] = [
    ("RS256", lambda i: i.token()),
    ("ES256", lambda i: i.token({"alg": "ES256", "kid": "ec"})),
    ("EdDSA", lambda i: i.token({"alg": "EdDSA", "kid": "ed"})),
    ("the long type, any case", lambda i: i.token({"typ": "Application/AT+JWT"})),
    (
        "unknown header members",
        lambda i: i.token({"jku": "http://evil.example", "x5c": [1], "b64": False, "x": {}}),
    ),
    (
        "several audiences",
        lambda i: i.token(aud=["https://invoices.exampleco.example", "http://localhost:9001"]),
    ),
    ("fractional times", lambda i: i.token(exp=time.time() + 60.5, iat=time.time() - 0.5)),
    ("unknown claims", lambda i: i.token(**{"https://exampleco.example/x": [1]})),
]


@pytest.mark.requirement(
    "RFC 9068 2.1 RS256",
    "RFC 9068 4 typ",
    "RFC 7515 4 unknown members",
    "RFC 7519 4 unknown claims",
)
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in GOOD])
def test_accepts_a_good_token(client: FlaskClient, issuer: Any, make: Make) -> None:
    response = read(client, f"Bearer {make(issuer)}")
    assert (response.status_code, response.json) == (200, {"timesheets": [], "next_cursor": None})
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.requirement(
    "RFC 6750 3 challenge",
    "RFC 6750 3.1 no error",
    "RFC 9728 5.1 challenge",
    "RFC 9110 11.2 parameters",
    "RFC 9110 11.6.1 challenge",
)
@pytest.mark.parametrize(
    "header", [None, "", "Basic YTpi", "Bearerx abc", 'Digest username="a", uri="b", qop=auth', "DPoP abc"]
)
def test_answers_a_request_without_a_token_with_a_bare_challenge(
    client: FlaskClient, header: str | None
) -> None:
    response = client.get("/timesheets", headers={} if header is None else {"Authorization": header})
    assert (response.status_code, response.json) == (401, BARE)
    assert response.headers["WWW-Authenticate"] == (
        f'Bearer realm="Timesheets API", scope="read:timesheets", {METADATA}'
    )
    assert response.headers["Content-Type"] == "application/problem+json"


BARE = {
    "type": "about:blank",
    "title": "Unauthorized",
    "status": 401,
    "detail": "A token is required: Authorization, scheme Bearer.",
}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/timesheets/upload", "batch:upload"),
        ("POST", "/timesheets", "create:timesheets"),
        ("DELETE", "/timesheets/1", "delete:timesheets"),
        ("PUT", "/approvals/1", "approve:timesheets"),
    ],
)
def test_the_challenge_names_the_scope_of_the_route(
    client: FlaskClient, issuer: Any, method: str, path: str, scope: str
) -> None:
    """A client that follows it asks for this scope, and not for all that the metadata names."""
    tokens = {401: ["", f"Bearer {issuer.token(exp=1)}"], 403: [f"Bearer {issuer.token(scope='other')}"]}
    for status, headers in tokens.items():
        for header in headers:
            response = client.open(path, method=method, headers={"Authorization": header})
            assert response.status_code == status
            assert f' scope="{scope}", ' in response.headers["WWW-Authenticate"]


@pytest.mark.requirement("RFC 6750 2.1 syntax", "RFC 6750 3.1 invalid_request")
@pytest.mark.parametrize(
    ("header", "description"),
    [
        *[
            (header, "The Authorization header is not Bearer and one token.")
            for header in ("Bearer", "bearer ", "Bearer =", "Bearer ü", "Bearer ,a=b")
        ],
        *[
            (header, "There are several Authorization headers.")
            for header in ("Basic YTpi,Bearer", ",", "Bearer ,", "Basic a, Digest b")
        ],
    ],
)
def test_refuses_a_header_with_no_token_in_it(client: FlaskClient, header: str, description: str) -> None:
    response = read(client, header)
    body = {"error": "invalid_request", "error_description": description}
    assert (response.status_code, response.json) == (400, body)
    assert response.headers["WWW-Authenticate"] == (
        f'Bearer realm="Timesheets API", error="invalid_request", error_description="{description}", '
        f"{METADATA}"
    )


@pytest.mark.parametrize("header", ["", "Basic a", "Bearer", "Bearer a b", "Bearer a, Bearer b"])
def test_a_header_with_no_token_in_it_fails_the_check_presenting(header: str) -> None:
    with pytest.raises(RefusalError) as refused:
        presented_token(Request(create_environ(headers={"Authorization": header})))
    assert refused.value.check == "presenting"


@pytest.mark.requirement("RFC 6750 2.1 header", "RFC 9110 11.1 scheme")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR "])
def test_reads_the_scheme_in_any_case(client: FlaskClient, issuer: Any, scheme: str) -> None:
    assert read(client, f"{scheme} {issuer.token()}").status_code == 200


def test_refuses_a_token_without_the_scope_before_it_reads_the_body(app: Flask, issuer: Any) -> None:
    body = io.BytesIO(b"unread")
    environ = create_environ(
        "/timesheets/upload",
        method="POST",
        input_stream=body,
        headers={"Authorization": f"Bearer {issuer.token(scope='read:timesheets')}", "Content-Length": "6"},
    )
    _, status, _ = run_wsgi_app(app, environ)
    assert (status, body.tell()) == ("403 FORBIDDEN", 0)


def test_a_view_tells_which_scope_it_requires() -> None:
    """For the metadata and the description of the API."""
    view = require_scope("read:reports")(lambda _: "served")
    assert view.required_scope == "read:reports"  # type: ignore[attr-defined]
