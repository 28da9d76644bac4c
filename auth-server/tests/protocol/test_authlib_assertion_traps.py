"""Traps 8 and 15 of Authlib 1.9.9, on client assertions: what it does by itself, and what we do."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from auth_server.startup import Service
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import Flask, Response
from flask.testing import FlaskClient
from joserfc.jwk import Key
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Sign = Callable[..., dict[str, str]]

GOOD = {"grant_type": "client_credentials"}
METHOD = JWTBearerClientAssertion.CLIENT_AUTH_METHOD


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


class PlainClient(ClientMixin):  # type: ignore[misc]
    """A client with a key."""

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Accept assertions."""
        return bool(method == METHOD)

    def check_grant_type(self, _grant_type: str) -> bool:
        """Accept any grant type."""
        return True

    def get_allowed_scope(self, _scope: str | None) -> str:
        """Return a scope."""
        return "read"


class PlainAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """Authlib's method as documented: the jti is looked up, then stored."""

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key
        self.seen: set[str] = set()
        self.between_look_and_store: Callable[[], object] = bool

    def get_audiences(self) -> list[str]:
        """Return the one audience."""
        return ["https://issuer.example"]

    def resolve_client_public_key(self, _client: object) -> Key:
        """Return the one key."""
        return self.key

    def validate_jti(self, _claims: object, jti: str) -> bool:
        """Look, then store."""
        if jti in self.seen:
            return False
        self.between_look_and_store()
        self.seen.add(jti)
        return True


class PlainGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """Authlib's grant, with assertions."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)


@pytest.fixture
def plain_assertion(private_keys: dict[str, Key]) -> PlainAssertion:
    return PlainAssertion(private_keys["ES256"])


@pytest.fixture
def plain(plain_assertion: PlainAssertion) -> FlaskClient:
    """Serve a token endpoint that is Authlib alone."""
    app = Flask("plain")
    server = AuthorizationServer(app, query_client={"bot": PlainClient()}.get, save_token=lambda *_: None)
    server.register_grant(PlainGrant)
    server.register_client_auth_method(METHOD, plain_assertion)

    @app.post("/oauth/token")
    def token() -> Response:
        response: Response = server.create_token_response()
        return response

    return app.test_client()


def test_trap_8_authlib_ignores_a_client_id_that_contradicts_the_assertion(
    plain: FlaskClient, sign: Sign
) -> None:
    response = plain.post("/oauth/token", data=GOOD | sign(alg="ES256") | {"client_id": "another"})
    assert response.status_code == 200


def test_trap_8_we_refuse_it(ask: Ask, sign: Sign) -> None:
    response = ask(sign() | {"client_id": "flagged"}, auth=None)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


TAKEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "any audience in a list": ({"aud": ["https://other.example", "https://issuer.example"]}, {}),
    "ten years to live": ({"exp": int(time.time()) + 10 * 365 * 86400}, {}),
    "the typ of an access token": ({}, {"typ": "at+jwt"}),
}


@pytest.mark.parametrize("case", TAKEN)
def test_trap_15_authlib_accepts(plain: FlaskClient, sign: Sign, case: str) -> None:
    claims, header = TAKEN[case]
    assert plain.post("/oauth/token", data=GOOD | sign(claims, **header)).status_code == 200


@pytest.mark.parametrize("case", TAKEN)
def test_trap_15_we_refuse(ask: Ask, sign: Sign, case: str) -> None:
    claims, header = TAKEN[case]
    response = ask(sign(claims, **header), auth=None)
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")


def test_trap_15_authlib_answers_failures_with_400(plain: FlaskClient, sign: Sign) -> None:
    response = plain.post("/oauth/token", data=GOOD | sign({"exp": 1}))
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_client")


def test_trap_15_the_documented_store_accepts_two_equal_assertions_at_once(
    plain: FlaskClient, plain_assertion: PlainAssertion, sign: Sign
) -> None:
    plain_assertion.between_look_and_store = threading.Barrier(2, timeout=10).wait
    form = GOOD | sign()
    assert statuses_at_once(plain, form) == [200, 200]


def test_trap_15_ours_accepts_one(client: FlaskClient, sign: Sign) -> None:
    assert sorted(statuses_at_once(client, GOOD | sign())) == [200, 401]


def statuses_at_once(client: FlaskClient, form: dict[str, str]) -> list[int]:
    def send(_: int) -> int:
        return client.application.test_client().post("/oauth/token", data=form).status_code

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(send, range(2)))
