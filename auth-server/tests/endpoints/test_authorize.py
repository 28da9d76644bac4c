"""The authorization endpoint, which authorizes nothing: one answer to every request, and no redirect."""

from collections.abc import Callable
from typing import Any

import pytest
from auth_server.startup import Service
from flask.testing import FlaskClient

ANSWER = {
    "error": "unsupported_response_type",
    "error_description": "This server has no users and no browser login; "
    "machine clients ask at the token endpoint.",
}
ELSEWHERE = "response_type=code&client_id=job&state=x&redirect_uri=https%3A%2F%2Fevil.example%2F"
REQUESTS: dict[str, dict[str, Any]] = {
    "without parameters": {},
    "for a code": {"query_string": ELSEWHERE},
    "without a response type": {"query_string": "redirect_uri=https://evil.example/"},
    "repeated and broken parameters": {"query_string": "redirect_uri=%ff&redirect_uri=%00&%zz"},
    "from a browser": {"query_string": ELSEWHERE, "headers": {"Accept": "text/html"}},
    "with credentials": {"auth": ("job", "job-secret")},
    "with a form": {"method": "POST", "data": {"redirect_uri": "https://evil.example/"}},
    "with a body of a megabyte": {"method": "POST", "data": b"x" * 1_000_000},
}


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement("RFC 9207 2 no response", "RFC 9700 4.11 redirects")
@pytest.mark.parametrize("case", REQUESTS)
def test_answers_every_request_alike_and_never_redirects(client: FlaskClient, case: str) -> None:
    response = client.open("/oauth/authorize", **REQUESTS[case])
    assert (response.status_code, response.get_json()) == (400, ANSWER)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert not {"Location", "Refresh", "WWW-Authenticate", "Set-Cookie"} & set(response.headers.keys())


def test_answers_a_head_request_without_a_body(client: FlaskClient) -> None:
    response = client.head("/oauth/authorize", query_string=ELSEWHERE)
    assert (response.status_code, response.data) == (400, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_refuses_other_methods(client: FlaskClient, method: str) -> None:
    response = client.open("/oauth/authorize", method=method)
    assert (response.status_code, response.get_json()["error"]) == (405, "invalid_request")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_logs_nothing_of_the_request(
    client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client.get("/oauth/authorize", query_string=ELSEWHERE)
    line = log_lines()[-1]
    assert (line["path"], line["status"]) == ("/oauth/authorize", 400)
    assert "evil" not in str(line)
