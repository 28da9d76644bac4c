"""Access tokens for a client with a key pair: private_key_jwt (RFC 7523 2.2, OpenID Connect Core 9).

This module needs PyJWT. A server accepts an assertion once, so do not mount a Retry on the session: set the
source's `retries`, which make a new assertion for each try.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .token_request import Auth, Form
from .token_source import TokenError, TokenSource

LIFETIME = 60  # seconds for which an assertion is valid
TYPE = "client-authentication+jwt"  # RFC 10070
THUMBPRINT_MEMBERS = frozenset({"crv", "e", "kty", "n", "x", "y"})  # RFC 7638 3.2, RFC 8037 2
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MIN_RSA_BITS = 2048  # RFC 7518 3.3
ALGORITHMS: dict[type[object], str] = {
    RSAPrivateKey: "RS256",
    EllipticCurvePrivateKey: "ES256",
    Ed25519PrivateKey: "EdDSA",
}


@dataclass(kw_only=True, eq=False)
class PrivateKeyTokenSource(TokenSource):
    """A token source whose `secret_file` holds a private key: RSA, P-256 or Ed25519, as PEM."""

    kid: str | None = None  # the key's name at the server; None: its thumbprint (RFC 7638)

    def _authenticate(self, secret: str, form: Form) -> tuple[Auth, str]:
        now = self.wall_clock()
        try:
            form |= client_assertion(self.client_id, self.issuer, secret, now, self.kid)
        except ValueError as error:
            raise TokenError("no_credential", f"{self.secret_file} holds {error}") from None
        return _add_no_header, form["client_assertion"]


def client_assertion(
    client_id: str, issuer: str, private_key: str, now: float, kid: str | None = None
) -> Form:
    """Return the form parameters that authenticate one request at `now` (Unix time), or raise ValueError."""
    key, algorithm = _signing_key(private_key)
    headers = {"typ": TYPE, "kid": kid or _public_jwk(key, algorithm)["kid"]}
    claims = {"iss": client_id, "sub": client_id, "aud": issuer, "jti": secrets.token_urlsafe(16)}
    times = {"iat": int(now), "exp": int(now) + LIFETIME}
    assertion = jwt.encode({**claims, **times}, key, algorithm, headers)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def public_jwk_set(private_key: str) -> dict[str, Any]:
    """Return the JWK Set (RFC 7517 5) to register at the authorization server, or raise ValueError."""
    return {"keys": [_public_jwk(*_signing_key(private_key))]}


def _public_jwk(key: Any, algorithm: str) -> dict[str, Any]:
    members = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**members, "use": "sig", "alg": algorithm, "kid": _thumbprint(members)}


def _thumbprint(members: Mapping[str, Any]) -> str:
    """Return the name that follows from the key itself (RFC 7638 3)."""
    required = {name: value for name, value in members.items() if name in THUMBPRINT_MEMBERS}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def _add_no_header(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request; as its auth, this keeps requests from looking for credentials in a .netrc."""
    return request


def _signing_key(pem: str) -> tuple[Any, str]:
    """Return the key and its algorithm; raise ValueError unless it is RSA, P-256 or Ed25519, as PEM."""
    try:
        key = load_pem_private_key(pem.encode(), None)
        algorithm = next(name for kind, name in ALGORITHMS.items() if isinstance(key, kind))
        jwt.get_algorithm_by_name(algorithm).prepare_key(key)  # which refuses every curve but P-256
    except TypeError:
        raise ValueError("a key that is encrypted with a password; save it without one") from None
    except (ValueError, StopIteration, UnsupportedAlgorithm, jwt.PyJWTError):
        raise ValueError("no RSA, P-256 or Ed25519 key in PEM without a password") from None
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RSA key of less than {MIN_RSA_BITS} bits; make a longer one")
    return key, algorithm
