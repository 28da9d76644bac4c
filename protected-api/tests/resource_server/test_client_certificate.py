"""Mutual TLS at the API (RFC 8705 3): a bound token is served with its certificate, as the proxy says."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, get_default_algorithms
from protected_api.app import create_app
from protected_api.resource_server import AccessToken, protect, require_scope
from protected_api.resource_server.client_certificate import mutual_tls
from protected_api.settings import Settings
from protected_api.settings_reader import SettingsError
from werkzeug.test import TestResponse

PROXY = "10.0.0.2"
CERTIFICATE = b"a certificate in DER, of which the API reads nothing"
MISSING = "The token is bound to a certificate, and the request came without one."
ANOTHER = "The token is bound to a certificate, and the request came with another one."
UNBOUND = "The token is not bound to a key, as this API demands."
CANNOT_CHECK = "The token is bound in a way that this API cannot check."
METADATA = 'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
MakeClient = Callable[..., FlaskClient]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sf_binary(data: bytes) -> str:
    return f":{base64.b64encode(data).decode()}:"


BOUND = {"cnf": {"x5t#S256": base64url(sha256(CERTIFICATE).digest())}}
PASSED_ON = {"Client-Cert": sf_binary(CERTIFICATE)}


def read(
    client: FlaskClient, token: str, headers: Mapping[str, str] | None = None, *, address: str = PROXY
) -> TestResponse:
    sent = {"Authorization": f"Bearer {token}"} | dict(headers or {})
    return client.get("/timesheets", headers=sent, environ_base={"REMOTE_ADDR": address})


def assert_refused(response: TestResponse, description: str) -> None:
    """Check status, body and header (RFC 8705 3: invalid_token)."""
    assert response.status_code == 401
    assert response.get_json() == {"error": "invalid_token", "error_description": description}
    told = f'error="invalid_token", error_description="{description}"'
    assert response.headers.getlist("WWW-Authenticate") == [
        f'Bearer realm="Timesheets API", {told}, scope="read:timesheets", {METADATA}'
    ]


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    return shared_issuer


@pytest.fixture
def make_client(settings: Settings) -> MakeClient:
    """Return a function that makes a client of an API with changed settings."""

    def make(**changes: Any) -> FlaskClient:
        app = create_app(replace(settings, **{"mtls": "1", "trusted_proxies": (PROXY,)} | changes))
        app.extensions["keys"].refresh()
        return app.test_client()

    return make


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client()


@pytest.mark.requirement("RFC 8705 6.2 no chain")
def test_serves_a_bound_token_over_a_connection_with_its_certificate(
    client: FlaskClient, issuer: Any
) -> None:
    token = issuer.token(**BOUND)
    assert [read(client, token, PASSED_ON).status_code for _ in range(2)] == [200, 200]
    assert_refused(read(client, token), MISSING)  # although it is remembered


def test_serves_a_token_that_is_not_bound_with_a_certificate_and_without(
    client: FlaskClient, issuer: Any
) -> None:
    token = issuer.token()
    assert read(client, token, PASSED_ON).status_code == 200
    assert read(client, token, {"Client-Cert": "garbage"}).status_code == 200
    assert read(client, token).status_code == 200


REFUSED = {
    "no header": ("", MISSING),
    "Caddy's template without a certificate": ("::", MISSING),
    "another certificate": (sf_binary(b"another"), ANOTHER),
    "the base64 alone": (base64.b64encode(CERTIFICATE).decode(), MISSING),
    "two headers, joined": (f"{sf_binary(CERTIFICATE)}, {sf_binary(CERTIFICATE)}", MISSING),
    "a parameter": (f"{sf_binary(CERTIFICATE)};a=1", MISSING),
    "base64url": (":-_-_:", MISSING),
    "no padding": (sf_binary(CERTIFICATE).replace("=", ""), MISSING),
    "escaped PEM, as nginx writes it": ("-----BEGIN%20CERTIFICATE-----%0A", MISSING),
    "text": ("certificate", MISSING),
}


@pytest.mark.requirement("RFC 8705 3 verify", "RFC 8705 3 refuse")
@pytest.mark.parametrize(("header", "description"), REFUSED.values(), ids=REFUSED)
def test_refuses_a_bound_token_without_its_certificate(
    client: FlaskClient, issuer: Any, header: str, description: str
) -> None:
    assert_refused(read(client, issuer.token(**BOUND), {"Client-Cert": header}), description)


@pytest.mark.requirement("RFC 8705 6.5 passed on")
@pytest.mark.parametrize("address", ["10.0.0.3", "127.0.0.1", "::1", "", "unix:/run/socket"])
def test_drops_the_header_of_anybody_but_a_trusted_proxy(
    client: FlaskClient, issuer: Any, address: str
) -> None:
    """RFC 9440 4: the certificate is public, so whoever has seen it could send it."""
    headers = PASSED_ON | {"X-Forwarded-For": PROXY}
    assert_refused(read(client, issuer.token(**BOUND), headers, address=address), MISSING)


def test_trusts_the_proxies_of_a_block_of_addresses(make_client: MakeClient, issuer: Any) -> None:
    client = make_client(trusted_proxies=("fd00::/8", "10.1.0.0/16"))
    token = issuer.token(**BOUND)
    assert read(client, token, PASSED_ON, address="10.1.2.3").status_code == 200
    assert read(client, token, PASSED_ON, address="fd00::1").status_code == 200
    assert_refused(read(client, token, PASSED_ON, address="10.2.0.0"), MISSING)


@pytest.mark.parametrize("thumbprint", [None, 1, "", [], {}, "x"])
def test_refuses_a_token_that_is_bound_to_no_certificate(
    client: FlaskClient, issuer: Any, thumbprint: Any
) -> None:
    assert_refused(read(client, issuer.token(cnf={"x5t#S256": thumbprint}), PASSED_ON), ANOTHER)


def test_refuses_a_token_that_is_bound_in_another_way_too(client: FlaskClient, issuer: Any) -> None:
    token = issuer.token(cnf={**BOUND["cnf"], "jkt": "x"})
    assert_refused(read(client, token, PASSED_ON), CANNOT_CHECK)


@pytest.mark.parametrize("proxies", [(), (PROXY,)])
def test_without_the_setting_no_bound_token_is_served_and_the_header_plays_no_part(
    make_client: MakeClient, issuer: Any, proxies: tuple[str, ...]
) -> None:
    client = make_client(mtls="0", trusted_proxies=proxies)
    assert_refused(read(client, issuer.token(**BOUND), PASSED_ON), CANNOT_CHECK)
    assert read(client, issuer.token(), PASSED_ON).status_code == 200
    metadata = client.get("/.well-known/oauth-protected-resource").get_json()
    assert "tls_client_certificate_bound_access_tokens" not in metadata


def test_with_the_setting_required_no_token_is_served_that_is_not_bound(
    make_client: MakeClient, issuer: Any, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client = make_client(mtls="required")
    assert read(client, issuer.token(**BOUND), PASSED_ON).status_code == 200
    assert_refused(read(client, issuer.token(), PASSED_ON), UNBOUND)
    assert [line["check"] for line in log_lines() if line["message"] == "access token refused"] == ["proof"]


def test_metadata_says_so(client: FlaskClient) -> None:
    """RFC 9728 2."""
    metadata = client.get("/.well-known/oauth-protected-resource").get_json()
    assert metadata["tls_client_certificate_bound_access_tokens"] is True


def test_the_scope_is_checked_after_the_certificate(client: FlaskClient, issuer: Any) -> None:
    token = issuer.token(**BOUND, scope="other")
    assert read(client, token).status_code == 401
    assert read(client, token, PASSED_ON).status_code == 403


def test_the_log_names_the_check(
    client: FlaskClient, issuer: Any, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    read(client, issuer.token(**BOUND))
    [refused] = [line for line in log_lines() if line["message"] == "access token refused"]
    assert (refused["check"], refused["reason"]) == ("proof", MISSING)


def test_a_token_that_is_bound_to_a_certificate_and_a_dpop_key_needs_both(
    make_client: MakeClient, issuer: Any
) -> None:
    client = make_client(dpop="1")
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwk = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    thumbprint = base64url(sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest())
    token = issuer.token(cnf={**BOUND["cnf"], "jkt": thumbprint})

    def proof(jti: str) -> dict[str, str]:
        claims = issuer.claims(htm="GET", htu="http://localhost:9001/timesheets", jti=jti)
        claims["ath"] = base64url(sha256(token.encode()).digest())
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = get_default_algorithms()["ES256"].sign(signed.encode(), key)
        return {"Authorization": f"DPoP {token}", "DPoP": f"{signed}.{base64url(signature)}"}

    assert read(client, token, proof("1")).get_json()["error_description"] == MISSING
    assert read(client, token, PASSED_ON).status_code == 401
    assert read(client, token, PASSED_ON | proof("2")).status_code == 200


def test_a_route_alone_may_demand_it(issuer: Any) -> None:
    app = Flask(__name__)
    possession = mutual_tls([PROXY])
    protect(app, issuer=issuer.url, audience="http://localhost:9001", realm="R", possession=possession)

    @app.get("/timesheets")
    @require_scope("read:timesheets", bound=True)
    def view(_: AccessToken) -> str:
        return "served"

    app.get("/")(require_scope("read:timesheets")(lambda _: "served"))
    client = app.test_client()
    assert read(client, issuer.token(**BOUND), PASSED_ON).status_code == 200
    response = read(client, issuer.token(), PASSED_ON)
    assert (response.status_code, response.get_json()["error_description"]) == (401, UNBOUND)
    assert client.get("/", headers={"Authorization": f"Bearer {issuer.token()}"}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"MTLS": "on"}, ["MTLS: is not known; set it to one of 0, 1, required"]),
        ({"MTLS": "1"}, ["TRUSTED_PROXIES: is not set, but MTLS is; set it to the proxy that ends TLS"]),
        (
            {"MTLS": "required", "TRUSTED_PROXIES": "10.0.0.2, 10.0.0.1/8,proxy"},
            [
                "TRUSTED_PROXIES: 10.0.0.1/8 is not an address or CIDR block; set it to those of the proxies",
                "TRUSTED_PROXIES: proxy is not an address or CIDR block; set it to those of the proxies",
            ],
        ),
    ],
)
def test_a_start_says_what_is_wrong(changes: dict[str, str], problems: list[str]) -> None:
    environ = {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9001"}
    with pytest.raises(SettingsError) as error:
        Settings.from_environ(environ | {"DATABASE_FILE": ":memory:"} | changes)
    assert list(error.value.problems) == problems


@pytest.mark.fuzz
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)) | st.binary().map(sf_binary))
def test_no_other_header_is_a_certificate_of_the_token(fuzzed: tuple[FlaskClient, str], header: str) -> None:
    client, token = fuzzed
    assert read(client, token, {"Client-Cert": header}).status_code == 401


@pytest.fixture(scope="module")
def fuzzed(shared_settings: Settings, shared_issuer: Any) -> tuple[FlaskClient, str]:
    app = create_app(replace(shared_settings, mtls="1", trusted_proxies=(PROXY,)))
    app.extensions["keys"].refresh()
    return app.test_client(), shared_issuer.token(**BOUND)
