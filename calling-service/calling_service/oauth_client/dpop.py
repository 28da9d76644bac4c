"""DPoP: tokens that only this process can use, since each request proves that it has their key (RFC 9449).

The key pair is made when the process starts, and kept in memory alone. This module needs PyJWT[crypto].
Not here: a session whose requests have a token and a proof (dpop_auth.py).
"""

import base64
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from .token_request import Auth

SCHEME = "DPoP"
ALGORITHM = "ES256"
KEY_MEMBERS = ("crv", "kty", "x", "y")


class DpopKey:
    """A P-256 key pair, and for each server the nonce that its next proof needs; threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._private = ec.generate_private_key(ec.SECP256R1())
        public = ECAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        self._jwk = {member: public[member] for member in KEY_MEMBERS}
        self._nonces: dict[str, str] = {}  # by scheme, host and port

    def proof(self, method: str, url: str, token: str = "") -> str:
        """Return a proof for one request (RFC 9449 4.2), with a token or, at the token endpoint, without."""
        parts = urlsplit(url)
        claims = {"htm": method, "htu": parts._replace(query="", fragment="").geturl()}
        claims |= {"jti": secrets.token_urlsafe(16)}
        nonce = self._nonces.get(_origin(url))
        if nonce:
            claims["nonce"] = nonce
        if token:
            claims["ath"] = base64.urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
        header = {"typ": "dpop+jwt", "jwk": self._jwk}
        return jwt.encode({**claims, "iat": int(self._clock())}, self._private, ALGORITHM, header)

    def sign(self, request: requests.PreparedRequest) -> None:
        """Give the request a new proof, for the token that it presents, if it presents one as DPoP."""
        scheme, _, token = str(request.headers.get("Authorization", "")).partition(" ")
        presented = token if scheme == SCHEME else ""
        request.headers["DPoP"] = self.proof(request.method or "", request.url or "", presented)

    def remember_nonce(self, response: requests.Response, **_: Any) -> None:
        """Keep the nonce that the server sends, for the next proof (RFC 9449 8.2)."""
        nonce = response.headers.get("DPoP-Nonce")
        if nonce:
            self._nonces[_origin(response.url)] = nonce

    def signing(self, auth: Auth) -> Auth:
        """Return the auth of a token request, with a proof added."""

        def add_proof(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request = auth(request)
            self.sign(request)
            request.register_hook("response", self.remember_nonce)  # type: ignore[no-untyped-call]
            return request

        return add_proof


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
