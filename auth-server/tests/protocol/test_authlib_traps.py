"""The traps of Authlib 1.9.9: what it does by itself, so that we notice a fix, and what we do.

Each pair of tests is named after its trap; the first drives plain Authlib in `plain`.
"""

import base64
import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from auth_server.startup import Service
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc9068 import (
    JWTBearerTokenGenerator,
    JWTIntrospectionEndpoint,
    JWTRevocationEndpoint,
)
from flask import Flask, Response
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jwk import ECKey, KeySet, OKPKey
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]

GOOD = {"grant_type": "client_credentials"}
BASIC = ("job", "job-secret")


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


class PlainClient(ClientMixin):  # type: ignore[misc]
    """A client as in Authlib's documentation."""

    scope = ("read", "write")

    def get_client_id(self) -> str:
        """Return the id."""
        return "job"

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare the secret."""
        return client_secret == "job-secret"

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Accept both methods."""
        return method in {"client_secret_basic", "client_secret_post"}

    def check_grant_type(self, _grant_type: str) -> bool:
        """Accept any grant type."""
        return True

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the allowed scopes, as documented."""
        return " ".join(token for token in (scope or "").split() if token in self.scope)


class PlainGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """Authlib's grant, with both methods."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class PlainGenerator(JWTBearerTokenGenerator):  # type: ignore[misc]
    """Authlib's generator, with two keys."""

    keys: Any = KeySet([ECKey.generate_key("P-256"), ECKey.generate_key("P-256")])

    def get_jwks(self) -> Any:
        """Return the keys."""
        return self.keys


class PlainIntrospection(JWTIntrospectionEndpoint):  # type: ignore[misc]
    """Authlib's endpoint for JWTs, with the generator's keys."""

    def get_jwks(self) -> Any:
        """Return the keys."""
        return PlainGenerator.keys

    def check_permission(self, *_: object) -> bool:
        """Allow every client."""
        return True


class PlainRevocation(JWTRevocationEndpoint):  # type: ignore[misc]
    """Authlib's endpoint for JWTs, with the generator's keys."""

    def get_jwks(self) -> Any:
        """Return the keys."""
        return PlainGenerator.keys


@pytest.fixture
def plain() -> FlaskClient:
    """Serve endpoints that are Authlib alone."""
    app = Flask("plain")
    found = {"job": PlainClient()}
    server = AuthorizationServer(app, query_client=found.get, save_token=lambda *_: None)
    server.register_grant(PlainGrant)
    server.register_token_generator("default", PlainGenerator("https://issuer.example", alg="ES256"))

    server.register_endpoint(PlainIntrospection("https://issuer.example"))
    server.register_endpoint(PlainRevocation("https://issuer.example"))
    for name in ("introspection", "revocation"):
        answer = partial(server.create_endpoint_response, name)
        app.add_url_rule(f"/{name}", name, answer, methods=["POST"])

    @app.route("/oauth/token", methods=["GET", "POST"])
    def token() -> Response:
        response: Response = server.create_token_response()
        return response

    return app.test_client()


def token(response: TestResponse) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of the token in a response, unverified."""
    signed = jws.extract_compact(response.get_json()["access_token"].encode())
    return signed.headers(), json.loads(signed.payload)


def send(plain: FlaskClient, data: Any = None, **options: Any) -> TestResponse:
    options.setdefault("auth", BASIC)
    return plain.post("/oauth/token", data=data or GOOD, **options)


def test_trap_1_authlib_signs_with_a_random_key(plain: FlaskClient) -> None:
    assert len({token(send(plain))[0]["kid"] for _ in range(40)}) == 2


def test_trap_1_we_sign_with_the_one_current_key(ask: Ask, client: FlaskClient) -> None:
    (kid,) = {token(ask())[0]["kid"] for _ in range(10)}
    keys = client.get("/.well-known/jwks.json").get_json()["keys"]
    assert [key["kid"] for key in keys if key["alg"] == "RS256"].count(kid) == 1


def test_trap_1_authlib_imports_a_key_given_as_json_again_at_each_token(
    plain: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    class Jwk(dict[str, Any]):
        """A key in JSON that notices when its members are read."""

        def __getitem__(self, name: str) -> Any:
            reads.append(name)
            return super().__getitem__(name)

    monkeypatch.setattr(PlainGenerator, "keys", Jwk(ECKey.generate_key("P-256").as_dict(private=True)))
    for _ in range(3):
        before = reads.count("d")
        assert send(plain).status_code == 200
        assert reads.count("d") > before


def test_trap_1_we_import_a_key_once(ask: Ask, service: Service) -> None:
    before = service.keys.current("RS256")
    assert ask().status_code == 200
    service.keys.read()
    assert service.keys.current("RS256") is before


def test_trap_2_a_token_of_authlib_lives_ten_days(plain: FlaskClient) -> None:
    assert send(plain).get_json()["expires_in"] == 864000


@pytest.mark.requirement("RFC 6750 5.3 short life")
def test_trap_2_ours_lives_as_long_as_is_set(ask: Ask) -> None:
    assert ask().get_json()["expires_in"] == 3600


@pytest.mark.parametrize("scope", ["admin", None])
def test_trap_3_authlib_issues_a_token_with_an_empty_scope(plain: FlaskClient, scope: str | None) -> None:
    response = send(plain, GOOD | ({"scope": scope} if scope else {}))
    assert response.status_code == 200
    assert token(response)[1]["scope"] == ""


def test_trap_3_authlib_splits_scopes_at_tab_and_newline(plain: FlaskClient) -> None:
    assert token(send(plain, GOOD | {"scope": "read\twrite\n"}))[1]["scope"] == "read write"


def test_trap_3_we_refuse_what_is_not_granted_and_grant_all_if_none_is_requested(ask: Ask) -> None:
    assert ask({"scope": "admin"}).get_json()["error"] == "invalid_scope"
    assert ask({"scope": "read\twrite\n"}).get_json()["error"] == "invalid_scope"
    assert token(ask())[1]["scope"] == "read write"


def test_trap_4_authlib_ignores_the_target(plain: FlaskClient) -> None:
    response = send(plain, GOOD | {"audience": "https://nowhere.example", "resource": "https://else.example"})
    assert token(response)[1]["aud"] == "job"


@pytest.mark.requirement(
    "RFC 6750 5.2 audience",
    "RFC 8707 2 audience",
    "RFC 9068 3 target",
    "RFC 9700 2.3 audience",
)
def test_trap_4_the_target_is_our_audience(ask: Ask) -> None:
    assert token(ask({"audience": "https://rs.example"}))[1]["aud"] == "https://rs.example"
    assert ask({"audience": "https://nowhere.example"}).get_json()["error"] == "invalid_target"


def test_trap_5_authlib_tells_an_unknown_client_from_a_wrong_secret(plain: FlaskClient) -> None:
    unknown, wrong = send(plain, auth=("who", "x")), send(plain, auth=("job", "x"))
    assert unknown.get_json() != wrong.get_json()
    posted = send(plain, GOOD | {"client_id": "who", "client_secret": "x"}, auth=None)
    assert posted.status_code == 400
    assert "realm" not in wrong.headers["WWW-Authenticate"]


def test_trap_5_we_do_not(ask: Ask) -> None:
    posted = {"client_id": "who", "client_secret": "x"}
    answers = [ask(auth=("who", "x")), ask(auth=("job", "x")), ask(posted, auth=None), ask(auth=None)]
    assert len({(a.status_code, a.data, tuple(a.headers)) for a in answers}) == 1
    assert 'realm="https://issuer.example"' in answers[0].headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Basic ", "Basic " + base64.b64encode(b"job:\xff").decode()])
def test_trap_6_authlib_fails_on_an_empty_or_non_utf_8_header(plain: FlaskClient, header: str) -> None:
    assert send(plain, auth=None, environ_overrides={"HTTP_AUTHORIZATION": header}).status_code == 500


@pytest.mark.parametrize("header", ["Basic ", "Basic " + base64.b64encode(b"job:\xff").decode()])
def test_trap_6_we_refuse_it(ask: Ask, header: str) -> None:
    assert ask(auth=None, environ_overrides={"HTTP_AUTHORIZATION": header}).status_code == 401


ODD = base64.b64encode(b"a%2Bb+%25c%3Ad:s%2Be+c%25r%3At+%C3%BC").decode()


def test_trap_7_authlib_does_not_form_decode_basic_credentials(
    plain: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PlainClient, "check_client_secret", lambda _, secret: secret == "a b")
    encoded = base64.b64encode(b"job:a+b").decode()
    assert send(plain, auth=None, headers={"Authorization": f"Basic {encoded}"}).status_code == 401


@pytest.mark.requirement("RFC 6749 2.3.1 form-encoded")
def test_trap_7_we_do(ask: Ask) -> None:
    assert ask(auth=None, headers={"Authorization": f"Basic {ODD}"}).status_code == 200


def test_trap_8_authlib_reads_the_query_string_first(plain: FlaskClient) -> None:
    response = send(plain, GOOD | {"scope": "read"}, query_string={"scope": "write"})
    assert token(response)[1]["scope"] == "write"


def test_trap_8_authlib_accepts_repeats_and_two_credentials_of_which_one_is_wrong(plain: FlaskClient) -> None:
    assert send(plain, GOOD | {"scope": ["read", "write"]}).status_code == 200
    assert send(plain, GOOD | {"client_id": "job", "client_secret": "wrong"}).status_code == 200


def test_trap_8_authlib_confuses_a_missing_grant_type_and_a_wrong_method(plain: FlaskClient) -> None:
    assert send(plain, {"scope": "read"}).get_json()["error"] == "unsupported_grant_type"
    assert plain.get("/oauth/token", query_string=GOOD, auth=BASIC).status_code == 400


def test_trap_8_we_refuse_all_that(ask: Ask, client: FlaskClient) -> None:
    assert ask({"scope": "read"}, query_string={"scope": "write"}).get_json()["error"] == "invalid_request"
    assert ask({"scope": ["read", "write"]}).get_json()["error"] == "invalid_request"
    assert ask({"client_id": "job", "client_secret": "wrong"}).get_json()["error"] == "invalid_request"
    assert ask("scope=read").get_json()["error"] == "invalid_request"
    assert client.get("/oauth/token").status_code == 405


def test_trap_9_authlib_reads_no_json_and_reads_multipart_as_a_form(plain: FlaskClient) -> None:
    response = plain.post("/oauth/token", json=GOOD, auth=BASIC)
    assert response.get_json()["error"] == "unsupported_grant_type"
    assert send(plain, content_type="multipart/form-data").status_code == 200


def test_trap_9_we_read_json_and_no_multipart(ask: Ask) -> None:
    assert ask(json=GOOD).status_code == 200
    assert ask(GOOD, content_type="multipart/form-data").status_code == 415


def test_trap_10_authlib_logs_whole_tokens(plain: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "authlib"):
        issued = send(plain).get_json()["access_token"]
    assert issued in caplog.text


def test_trap_10_we_do_not(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "authlib"):
        issued = ask().get_json()["access_token"]
    assert issued not in caplog.text


def test_trap_12_authlib_fails_on_a_plain_http_host_that_is_not_loopback(plain: FlaskClient) -> None:
    assert send(plain, base_url="http://auth-server:9000").status_code == 500


def test_trap_12_we_do_not_look_at_the_host(ask: Ask) -> None:
    assert ask(base_url="http://auth-server:9000").status_code == 200


@pytest.mark.parametrize("endpoint", ["introspection", "revocation"])
def test_trap_13_authlib_fails_on_a_garbage_token(plain: FlaskClient, endpoint: str) -> None:
    assert plain.post(f"/{endpoint}", data={"token": "garbage"}, auth=BASIC).status_code == 500


@pytest.mark.parametrize("endpoint", ["introspection", "revocation"])
def test_trap_13_authlib_refuses_an_unknown_hint(plain: FlaskClient, endpoint: str) -> None:
    form = {"token": send(plain).get_json()["access_token"], "token_type_hint": "unknown"}
    response = plain.post(f"/{endpoint}", data=form, auth=BASIC)
    assert (response.status_code, response.get_json()["error"]) == (401, "unsupported_token_type")


def test_trap_13_authlib_never_revokes_a_jwt(plain: FlaskClient) -> None:
    form = {"token": send(plain, GOOD | {"scope": "read"}).get_json()["access_token"]}
    revoked = plain.post("/revocation", data=form, auth=BASIC)
    assert (revoked.status_code, revoked.get_json()["error"]) == (401, "unsupported_token_type")
    assert plain.post("/introspection", data=form, auth=BASIC).get_json()["active"] is True


def test_trap_13_we_do_all_that(introspect: Ask, revoke: Ask, issue: Callable[..., str]) -> None:
    token = issue()
    assert introspect("garbage").get_json() == {"active": False}
    assert introspect(token, token_type_hint="unknown").get_json()["active"] is True
    assert revoke("garbage").status_code == 200
    assert revoke(token, token_type_hint="unknown").status_code == 200
    assert introspect(token).get_json() == {"active": False}


def test_trap_16_the_generator_of_authlib_fails_with_eddsa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlainGenerator, "keys", OKPKey.generate_key("Ed25519"))
    generator = PlainGenerator("https://issuer.example", alg="EdDSA")
    with pytest.raises(UnsupportedAlgorithmError):
        generator.access_token_generator(PlainClient(), "client_credentials", None, "read")


def test_trap_16_we_sign_with_eddsa(ask: Ask) -> None:
    response = ask({"audience": "https://ed.example"}, auth=("many", "many-secret"))
    assert token(response)[0]["alg"] == "EdDSA"


def test_trap_17_a_jti_of_authlib_is_drawn_character_by_character() -> None:
    jti = PlainGenerator("https://issuer.example").get_jti(PlainClient(), "client_credentials", None, "")
    assert len(jti) == 16


@pytest.mark.requirement("RFC 6749 10.10 guessing", "RFC 7519 4.1.7 jti")
def test_trap_17_ours_has_128_bits(ask: Ask) -> None:
    assert len(base64.urlsafe_b64decode(token(ask())[1]["jti"] + "==")) == 16
