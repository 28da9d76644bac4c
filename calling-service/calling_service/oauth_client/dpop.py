"""DPoP: tokens that only this process can use, since each request proves that it has their key (RFC 9449).

The key pair is made when the process starts, and kept in memory alone. This module needs PyJWT[crypto].
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
from requests.adapters import BaseAdapter
from urllib3.exceptions import MaxRetryError, ProtocolError
from urllib3.util import Retry

from .access_token import Token
from .bearer_auth import BearerAuth
from .token_source import Auth, TokenSource

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
        presented = token if scheme == DpopAuth.scheme else ""
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


class DpopAuth(BearerAuth):
    """A BearerAuth for the tokens of a source with a `dpop` key; raise ValueError if it has none."""

    scheme = "DPoP"

    def __init__(self, source: TokenSource, **options: Any) -> None:
        super().__init__(source, **options)
        if source.dpop is None:
            raise ValueError("the token source has no dpop key; give it one")
        self._key = source.dpop

    def _attach_token(self, request: requests.PreparedRequest) -> Token:
        token = super()._attach_token(request)
        self._key.sign(request)
        return token

    def _handle(
        self, response: requests.Response, token: Token, again: bool, **options: Any
    ) -> requests.Response:
        self._key.remember_nonce(response)
        if self._has_sent(token, response) and self._challenge(response).get("error") == "use_dpop_nonce":
            return self._send_again(response, options)
        return super()._handle(response, token, again, **options)


class FreshProofs(BaseAdapter):
    """Sends a request again as `retries` say, through another adapter, each time with a new proof.

    An adapter's own retries would send the same proof again, which a server accepts once.
    """

    def __init__(self, adapter: BaseAdapter, key: DpopKey, retries: Retry) -> None:
        super().__init__()
        self._adapter = adapter
        self._key = key
        self._retries = retries

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send the request; raise what requests raises."""
        retries = self._retries
        while True:
            try:
                response = self._adapter.send(request, **options)
            except (requests.ConnectionError, requests.Timeout) as error:
                left = _counted(retries, request, error=ProtocolError(type(error).__name__))
                if left is None:
                    raise
                left.sleep()
            else:
                asks_for_pause = "Retry-After" in response.headers
                if not retries.is_retry(request.method or "", response.status_code, asks_for_pause):
                    return response
                left = _counted(retries, request, response=response.raw)
                if left is None:
                    return response
                left.sleep(response.raw)
            retries = left
            self._key.sign(request)

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()


def _counted(retries: Retry, request: requests.PreparedRequest, **result: Any) -> Retry | None:
    """Return what is left of the retries; None if the request must not be sent again."""
    if not isinstance(request.body, str | bytes | None):
        return None  # type: ignore[unreachable]  # a file, which is read by now
    try:
        return retries.increment(request.method, request.url, **result, _pool=None)
    except MaxRetryError:
        return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
