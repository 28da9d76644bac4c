"""What the OAuth endpoints share: the address that a request comes from, and refusals."""

from ipaddress import ip_network

import pytest
from auth_server.endpoints.oauth_http import answer, client_address, refusal
from auth_server.lean_flask import LeanFlask
from authlib.oauth2.rfc6749 import InvalidGrantError
from flask.wrappers import Request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder


def test_answers_an_error_that_authlib_itself_raises() -> None:
    response = refusal(InvalidGrantError("Not yours."), realm="https://issuer.example")
    assert response.status_code == 400
    assert response.get_json() == {"error": "invalid_grant", "error_description": "Not yours."}


@pytest.mark.requirement("RFC 9700 2.6 end to end")
@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.7, x", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("", "198.51.100.7", ""),
    ],
)
def test_uses_only_addresses_that_trusted_proxies_have_added(
    peer: str, forwarded: str | None, address: str
) -> None:
    headers = Headers({"X-Forwarded-For": forwarded} if forwarded else {})
    request = Request(EnvironBuilder(headers=headers, environ_overrides={"REMOTE_ADDR": peer}).get_environ())
    assert client_address(request, (ip_network("10.0.0.0/8"),)) == address
    assert client_address(request, ()) == peer


def test_an_answer_is_one_that_the_app_sends_as_it_is() -> None:
    assert type(answer({})) is LeanFlask.response_class
