"""`POST /oauth/token`: the order of refusals, and the token (RFC 6749 5.1, RFC 9068)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from auth_server.app import create_app
from auth_server.startup import Service
from flask.testing import FlaskClient
from joserfc import jws, jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
RS, ES, ED = "https://rs.example", "https://es.example", "https://ed.example"
MANY = {"auth": ("many", "many-secret")}


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement("RFC 6749 5.2 status", "RFC 6749 5.2 error codes")
@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ("grant_type=x&grant_type=y&scope=admin", "invalid_request"),
        ("grant_type=x&audience=x&scope=admin", "unsupported_grant_type"),
        ("grant_type=client_credentials&audience=x&scope=admin", "invalid_target"),
        ("grant_type=client_credentials&scope=admin", "invalid_scope"),
    ],
)
def test_refuses_in_the_order_of_the_steps(ask: Ask, parameters: str, error: str) -> None:
    assert ask(parameters).get_json()["error"] == error
    wrong = ask(parameters, auth=("job", "wrong")).get_json()["error"]
    assert wrong == ("invalid_request" if error == "invalid_request" else "invalid_client")


@pytest.mark.requirement(
    "RFC 6749 3.3 issued scope",
    "RFC 6749 4.4.3 no refresh token",
    "RFC 6749 5.1 members",
    "RFC 6749 5.1 no store",
    "RFC 6750 5.3 short life",
    "RFC 8707 2 audience",
    "RFC 9068 2.1 signed",
    "RFC 9068 2.1 RS256",
    "RFC 9068 2.1 typ",
    "RFC 9068 2.2 claims",
    "RFC 9068 2.2 sub",
    "RFC 9068 2.2.3 scope",
    "RFC 7515 5.1 signing",
)
@pytest.mark.parametrize(
    ("audience", "alg", "lifetime"), [(RS, "RS256", 2), (ES, "ES256", 60), (ED, "EdDSA", 3600)]
)
def test_issues_a_token_of_rfc_9068(
    ask: Ask, client: FlaskClient, audience: str, alg: str, lifetime: int
) -> None:
    response = ask({"audience": audience}, **MANY)
    body = response.get_json()
    keys = client.get("/.well-known/jwks.json").get_json()
    signed = jws.extract_compact(body["access_token"].encode())
    (key,) = [key for key in keys["keys"] if key["kid"] == signed.headers()["kid"]]
    assert signed.headers() == {"typ": "at+jwt", "alg": alg, "kid": key["kid"]}
    assert (key["alg"], key["use"], key.keys() & {"d", "p", "q"}) == (alg, "sig", set())
    claims = json.loads(signed.payload)
    assert claims.keys() == {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"}
    assert claims["exp"] - claims["iat"] == lifetime
    assert (claims["iss"], claims["aud"]) == ("https://issuer.example", audience)
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("many", "many", "read")
    assert body == {
        "access_token": body["access_token"],
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": "read",
    }
    assert dict(response.headers) == {
        "Content-Type": "application/json",
        "Content-Length": response.headers["Content-Length"],
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
    }
    if alg != "EdDSA":  # joserfc warns of that name
        jws.deserialize_compact(body["access_token"], KeySet.import_key_set(keys), algorithms=[alg])


@pytest.mark.requirement("RFC 9864 2.2 Ed25519")
def test_an_api_that_chose_ed25519_gets_tokens_and_a_key_of_that_name(
    environ: dict[str, str], start: Callable[[dict[str, str]], Service], tmp_path: Path
) -> None:
    """RFC 9864 2.2. joserfc, which knows the name, verifies with the whole key set."""
    api = '  - {identifier: "https://new.example", name: New, scopes: [read], signing_alg: Ed25519}\n'
    grant = '  - {client: many, audience: "https://new.example", scopes: [read]}\n'
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("clients:\n", f"{api}clients:\n") + grant)
    client = create_app(start(environ)).test_client()
    target = {"grant_type": "client_credentials", "audience": "https://new.example"}
    token = client.post("/oauth/token", data=target, auth=MANY["auth"]).get_json()["access_token"]
    keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").get_json())
    verified = jwt.decode(token, keys, algorithms=["Ed25519"])
    assert verified.header == {"typ": "at+jwt", "alg": "Ed25519", "kid": verified.header["kid"]}
    assert keys.get_by_kid(verified.header["kid"]).alg == "Ed25519"
    active = client.post("/oauth/introspect", data={"token": token}, auth=MANY["auth"]).get_json()
    assert (active["active"], active["aud"]) == (True, "https://new.example")
