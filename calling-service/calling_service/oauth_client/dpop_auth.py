"""A requests auth and an adapter that give each request a DPoP-bound token and a new proof (RFC 9449 7).

Not here: the key and its proofs (dpop.py).
"""

from typing import Any

import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import MaxRetryError, ProtocolError
from urllib3.util import Retry

from .bearer_auth import BearerAuth
from .dpop import SCHEME, DpopKey
from .token_source import Token, TokenSource


def auth_for(source: TokenSource, **options: Any) -> BearerAuth:
    """Return the auth for the tokens of a source: with a proof if they are bound to its key."""
    if source.dpop:
        return DpopAuth(source, **options)
    return BearerAuth(source, **options)


class DpopAuth(BearerAuth):
    """A BearerAuth for the tokens of a source with a `dpop` key; raise ValueError if it has none."""

    scheme = SCHEME

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
        return retries.increment(request.method, **result, _pool=None)
    except MaxRetryError:
        return None
