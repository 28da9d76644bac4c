"""What others must know of this server: its metadata (RFC 8414) and its public keys (RFC 7517 5)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Response, jsonify, request

from auth_server.algorithms import CLIENT_ALGS
from auth_server.endpoints import authorize, introspect, revoke, token
from auth_server.keys.signing_keys import SigningKeys
from auth_server.protocol.client_authentication import CA_METHOD, METHODS, SELF_SIGNED_METHOD
from auth_server.protocol.grant import ClientCredentialsGrant

WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
JWKS_PATH = "/.well-known/jwks.json"
NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})


def metadata_endpoints(
    issuer: str,
    issuer_path: str,
    keys: SigningKeys,
    jwks_ttl: int,
    *,
    methods: Sequence[str] = METHODS,
    more: Mapping[str, Any] = NOTHING_MORE,
) -> Blueprint:
    """Return the endpoints as a blueprint; caches may keep their answers for `jwks_ttl` seconds.

    Clients may authenticate by `methods`; `more` are members for what an operator has switched on.
    """
    blueprint = Blueprint("metadata", __name__)

    def metadata() -> Response:
        return _cacheable({**server_metadata(issuer, methods), **more}, jwks_ttl)

    for path in metadata_paths(issuer_path):
        blueprint.get(path, provide_automatic_options=False)(metadata)

    @blueprint.get(issuer_path + JWKS_PATH, provide_automatic_options=False)
    def jwks() -> Response:
        return _cacheable({"keys": keys.published()}, jwks_ttl)

    return blueprint


def metadata_paths(issuer_path: str) -> list[str]:
    """Return where the metadata is: RFC 8414 3.1 puts the issuer's path last, OpenID Discovery 4.1 first."""
    paths = [path for name in WELL_KNOWN for path in (name + issuer_path, issuer_path + name)]
    return list(dict.fromkeys(paths))  # without a path, both are one


def server_metadata(issuer: str, methods: Sequence[str] = METHODS) -> dict[str, Any]:
    """Return the metadata (RFC 8414 2). A test has Authlib's model check it."""
    base = issuer.removesuffix("/")
    metadata: dict[str, Any] = {
        "issuer": issuer,
        "jwks_uri": base + JWKS_PATH,
        "authorization_endpoint": base + authorize.PATH,
        "response_types_supported": [],  # required, although the authorization endpoint serves none
        "grant_types_supported": [ClientCredentialsGrant.GRANT_TYPE],
    }
    for name, path in (
        ("token", token.PATH),
        ("introspection", introspect.PATH),
        ("revocation", revoke.PATH),
    ):
        metadata[f"{name}_endpoint"] = base + path
        metadata[f"{name}_endpoint_auth_methods_supported"] = list(methods)
        metadata[f"{name}_endpoint_auth_signing_alg_values_supported"] = list(CLIENT_ALGS)
    return metadata


def certificate_methods(*, ca: bool) -> list[str]:
    """Return the methods of clients with a certificate; with a `ca`, also the one that needs a CA."""
    return [CA_METHOD, SELF_SIGNED_METHOD] if ca else [SELF_SIGNED_METHOD]


def certificate_metadata(issuer: str, mtls_url: str) -> dict[str, Any]:
    """Return the members that concern mutual TLS (RFC 8705 3.3, 5); `mtls_url` may be empty."""
    more: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}
    if mtls_url:
        base = issuer.removesuffix("/")
        urls = server_metadata(issuer)
        names = ("token_endpoint", "introspection_endpoint", "revocation_endpoint")
        more["mtls_endpoint_aliases"] = {name: mtls_url + urls[name].removeprefix(base) for name in names}
    return more


def _cacheable(document: dict[str, Any], max_age: int) -> Response:
    response = jsonify(document)
    response.cache_control.public = True
    response.cache_control.max_age = max_age
    response.add_etag()
    response.make_conditional(request)
    return response
