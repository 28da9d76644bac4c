"""Access tokens for a client with a key pair: private_key_jwt (RFC 7523 2.2, OpenID Connect Core 9).

`public_jwk_set` gives what an authorization server has to know of the key.

Made to be copied, with token_source.py; a module of its own because it alone needs PyJWT. An assertion serves
one call: whoever mounts a Retry on the session must not let it repeat a request that may have arrived.
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

from .token_source import TokenError, TokenSource

LIFETIME = 60  # seconds that an assertion is good for
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: dict[type[object], str] = {
    RSAPrivateKey: "RS256",
    EllipticCurvePrivateKey: "ES256",
    Ed25519PrivateKey: "EdDSA",
}


class AssertionAuth(requests.auth.AuthBase):
    """Leaves a request as it is, and so keeps requests from looking for credentials in a .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request."""
        return request


@dataclass(kw_only=True, eq=False)
class PrivateKeyTokenSource(TokenSource):
    """A token source whose `secret_file` holds a private key: RSA, P-256 or Ed25519, as PEM."""

    wall_clock: Callable[[], float] = time.time

    def _authentication(self, secret: str, form: dict[str, str]) -> AssertionAuth:
        try:
            form |= client_assertion(self.client_id, self.issuer, secret, self.wall_clock())
        except ValueError as error:
            raise TokenError("no_credential", f"{self.secret_file} holds {error}") from error
        return AssertionAuth()


def client_assertion(client_id: str, issuer: str, private_key: str, now: float) -> dict[str, str]:
    """Return the parameters that authenticate one request, made by then; raise ValueError for another key."""
    claims: dict[str, str | int] = {"iss": client_id, "sub": client_id, "aud": issuer}
    claims |= {"iat": int(now), "exp": int(now) + LIFETIME, "jti": secrets.token_urlsafe(16)}
    assertion = jwt.encode(claims, *_signing_key(private_key))
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def public_jwk_set(private_key: str) -> dict[str, Any]:
    """Return the JWK Set (RFC 7517 5) to register for a private key, of the public half; raise ValueError."""
    key, algorithm = _signing_key(private_key)
    members = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {"keys": [{**members, "use": "sig", "alg": algorithm}]}


def _signing_key(pem: str) -> tuple[Any, str]:
    try:
        key = load_pem_private_key(pem.encode(), None)
        algorithm = next(name for kind, name in ALGORITHMS.items() if isinstance(key, kind))
        jwt.get_algorithm_by_name(algorithm).prepare_key(key)  # of the curves one
    except (ValueError, TypeError, StopIteration, jwt.PyJWTError) as error:
        raise ValueError("no RSA, P-256 or Ed25519 key in PEM without a password") from error
    return key, algorithm
