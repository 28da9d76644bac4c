"""Access tokens for a client with a key pair: private_key_jwt (RFC 7523 2.2, OpenID Connect Core 9).

This module alone needs PyJWT. A server accepts an assertion once, so a Retry on the session must not send a
request again that may have arrived (retry.py).
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .token_source import Auth, Form, TokenError, TokenSource

LIFETIME = 60  # seconds for which an assertion is valid
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: dict[type[object], str] = {
    RSAPrivateKey: "RS256",
    EllipticCurvePrivateKey: "ES256",
    Ed25519PrivateKey: "EdDSA",
}


@dataclass(kw_only=True, eq=False)
class PrivateKeyTokenSource(TokenSource):
    """A token source whose `secret_file` holds a private key: RSA, P-256 or Ed25519, as PEM."""

    wall_clock: Callable[[], float] = time.time

    def _authenticate(self, secret: str, form: Form) -> tuple[Auth, str]:
        now = self.wall_clock()
        try:
            form |= client_assertion(self.client_id, self.issuer, secret, now)
        except ValueError as error:
            raise TokenError("no_credential", f"{self.secret_file} holds {error}") from error
        return _add_no_header, form["client_assertion"]


def client_assertion(client_id: str, issuer: str, private_key: str, now: float) -> Form:
    """Return the form parameters that authenticate one request at `now` (Unix time), or raise ValueError."""
    key, algorithm = _signing_key(private_key)
    claims = {"iss": client_id, "sub": client_id, "aud": issuer, "jti": secrets.token_urlsafe(16)}
    times = {"iat": int(now), "exp": int(now) + LIFETIME}
    assertion = jwt.encode({**claims, **times}, key, algorithm)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def public_jwk_set(private_key: str) -> dict[str, Any]:
    """Return the JWK Set (RFC 7517 5) to register at the authorization server, or raise ValueError."""
    key, algorithm = _signing_key(private_key)
    members = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {"keys": [{**members, "use": "sig", "alg": algorithm}]}


def _add_no_header(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request; as its auth, this keeps requests from looking for credentials in a .netrc."""
    return request


def _signing_key(pem: str) -> tuple[Any, str]:
    """Return the key and its algorithm; raise ValueError unless it is RSA, P-256 or Ed25519, as PEM."""
    try:
        key = load_pem_private_key(pem.encode(), None)
        algorithm = next(name for kind, name in ALGORITHMS.items() if isinstance(key, kind))
        jwt.get_algorithm_by_name(algorithm).prepare_key(key)  # which refuses every curve but P-256
    except (ValueError, TypeError, StopIteration, jwt.PyJWTError) as error:
        raise ValueError("no RSA, P-256 or Ed25519 key in PEM without a password") from error
    return key, algorithm
