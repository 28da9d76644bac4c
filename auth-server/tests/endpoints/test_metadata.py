"""The metadata (RFC 8414) and the public keys (RFC 7517)."""

from collections.abc import Callable
from typing import Any

import pytest
from auth_server.endpoints.metadata import server_metadata
from auth_server.startup import Service
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

METADATA = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement(
    "RFC 8414 2 issuer",
    "RFC 8414 2 response types",
    "RFC 8414 3 address",
    "RFC 8414 3.2 JSON",
    "RFC 8414 3.2 no empty arrays",
    "RFC 9207 2 no response",
    "RFC 9700 2.6 metadata",
)
@pytest.mark.parametrize("path", METADATA)
def test_the_metadata_describes_the_server(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=300"
    metadata: dict[str, Any] = response.get_json()
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    algs = ["RS256", "ES256", "EdDSA", "Ed25519"]
    assert metadata == {
        "issuer": "https://issuer.example",
        "jwks_uri": "https://issuer.example/.well-known/jwks.json",
        "authorization_endpoint": "https://issuer.example/oauth/authorize",
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint": "https://issuer.example/oauth/token",
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algs,
        "introspection_endpoint": "https://issuer.example/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algs,
        "revocation_endpoint": "https://issuer.example/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algs,
    }


def test_metadata_fits_the_model_of_authlib(client: FlaskClient) -> None:
    metadata = AuthorizationServerMetadata(client.get(METADATA[0]).get_json())
    with pytest.raises(ValueError, match='"response_types_supported" is required'):
        metadata.validate()  # it takes the empty array that RFC 8414 requires of us for none
    metadata["response_types_supported"] = ["code"]
    metadata.validate()


@pytest.mark.requirement("RFC 8414 2 endpoints")
def test_the_metadata_names_every_endpoint_and_no_other(app: Flask) -> None:
    metadata = server_metadata("https://issuer.example")
    named = {value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))}
    served = {f"https://issuer.example{rule.rule}" for rule in app.url_map.iter_rules()}
    others = {f"https://issuer.example{path}" for path in [*METADATA, "/healthz", "/readyz"]}
    assert named == served - others


@pytest.mark.requirement("RFC 8414 2 algorithms")
@pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation"])
def test_the_metadata_names_the_authentication_methods_that_an_endpoint_accepts(
    client: FlaskClient, sign: Callable[..., dict[str, str]], endpoint: str
) -> None:
    metadata = client.get(METADATA[0]).get_json()
    path = metadata[f"{endpoint}_endpoint"].removeprefix(metadata["issuer"])
    form = {"grant_type": "client_credentials", "token": "a"}
    algs = ["RS256", "ES256", "EdDSA", "Ed25519"]
    post = {"client_id": "job", "client_secret": "job-secret"}
    taken = {
        "client_secret_basic": client.post(path, data=form, auth=("job", "job-secret")),
        "client_secret_post": client.post(path, data=form | post),
        **{alg: client.post(path, data=form | sign(alg=alg, kid=None)) for alg in algs},
    }
    assert {response.status_code for response in taken.values()} == {200}
    assert client.post(path, data=form | {"client_id": "job"}).status_code == 401
    assert set(metadata[f"{endpoint}_endpoint_auth_methods_supported"]) == {
        *taken.keys() - set(algs),
        "private_key_jwt",
    }
    assert metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] == algs


@pytest.mark.requirement("RFC 8414 2 grant types")
def test_the_metadata_names_the_grant_types_that_are_served(ask: Callable[..., TestResponse]) -> None:
    named = server_metadata("https://issuer.example")["grant_types_supported"]
    known = ["authorization_code", "client_credentials", "password", "refresh_token", "implicit"]
    assert [name for name in known if ask({"grant_type": name}).status_code == 200] == named


@pytest.mark.requirement("RFC 8414 2 keys", "RFC 7517 4.2 use")
def test_keys_are_cacheable_and_public(client: FlaskClient) -> None:
    response = client.get("/.well-known/jwks.json")
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert {key["alg"]: key.keys() for key in response.get_json()["keys"]} == {
        "RS256": {"kty", "n", "e", "kid", "use", "alg"},
        "ES256": {"kty", "crv", "x", "y", "kid", "use", "alg"},
        "EdDSA": {"kty", "crv", "x", "kid", "use", "alg"},
    }
    again = client.get("/.well-known/jwks.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
