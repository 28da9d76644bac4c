"""Access tokens for a client with a key pair: private_key_jwt (RFC 7523 2.2, OpenID Connect Core 9).

Made to be copied, with token_source.py; a module of its own because it alone needs PyJWT. An assertion serves
one call: whoever mounts a Retry on the session must not let it repeat a request that may have arrived.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

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
        now = int(self.wall_clock())
        claims: dict[str, str | int] = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer}
        claims |= {"iat": now, "exp": now + LIFETIME, "jti": secrets.token_urlsafe(16)}
        try:
            key = load_pem_private_key(secret.encode(), None)
            algorithm = next(name for kind, name in ALGORITHMS.items() if isinstance(key, kind))
            assertion = jwt.encode(claims, secret, algorithm)
        except (ValueError, TypeError, StopIteration, jwt.PyJWTError) as error:
            usable = "RSA, P-256 or Ed25519 key in PEM without a password"
            raise TokenError("no_credential", f"{self.secret_file} holds no {usable}") from error
        form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return AssertionAuth()
