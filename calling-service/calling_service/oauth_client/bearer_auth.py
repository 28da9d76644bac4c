"""A requests auth that sends a request with a valid access token or not at all (RFC 6750 2.1, 3.1).

Not here: obtaining, caching and renewing tokens (token_source.py).
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import requests
from requests.exceptions import UnrewindableBodyError
from requests.utils import parse_dict_header, rewind_body

from .token_source import Token, TokenSource

BEARER = re.compile("(?:^|, *)bearer +", re.IGNORECASE)  # where the challenge begins in WWW-Authenticate


class InsufficientScopeError(Exception):
    """The API answered 403 insufficient_scope; `missing` are the scopes that it names and the token lacks."""

    def __init__(self, missing: frozenset[str]) -> None:
        scopes = " ".join(sorted(missing)) or "(the API names none)"
        super().__init__(f"the token lacks the scope {scopes}")
        self.missing = missing


class BearerAuth(requests.auth.AuthBase):
    """Attaches the source's token for `audience` and `scopes` to requests for the host of `api_url`."""

    def __init__(self, source: TokenSource, *, api_url: str, audience: str, scopes: Iterable[str]) -> None:
        self._source = source
        self._api_url = api_url
        self._audience = audience
        self._scopes = frozenset(scopes)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Attach a token; raise ValueError for another host, TokenError if no token can be had."""
        redirects = requests.sessions.SessionRedirectMixin()
        if redirects.should_strip_auth(self._api_url, request.url or ""):  # type: ignore[no-untyped-call]
            raise ValueError(f"the token is for {self._api_url} alone")
        token = self._attach_token(request)
        request.register_hook("response", partial(self._handle, token=token))  # type: ignore[no-untyped-call]
        return request

    def _attach_token(self, request: requests.PreparedRequest) -> Token:
        token = self._source.get(self._audience, self._scopes)
        request.headers["Authorization"] = f"Bearer {token.value}"
        return token

    def _handle(self, response: requests.Response, token: Token, **options: Any) -> requests.Response:
        # requests keeps this hook on a redirect, where the request may have lost our token.
        if response.request.headers.get("Authorization") != f"Bearer {token.value}":
            return response
        if response.status_code == 401 and _challenge(response).get("error") == "invalid_token":
            self._source.drop(token)
            return self._send_again(response, options)
        _raise_for_scope(response, token)
        return response

    def _send_again(self, first: requests.Response, options: dict[str, Any]) -> requests.Response:
        request = first.request.copy()
        if not isinstance(request.body, str | bytes | None):
            try:  # type: ignore[unreachable]  # the stubs of requests know no files
                rewind_body(request)
            except UnrewindableBodyError:
                return first
        token = self._attach_token(request)
        # The adapter sends it past the hooks, so that the caller gets a second 401.
        second: requests.Response = first.connection.send(request, **options)
        second.history.append(first)
        _raise_for_scope(second, token)
        return second


def _raise_for_scope(response: requests.Response, token: Token) -> None:
    challenge = _challenge(response) if response.status_code == 403 else {}
    if challenge.get("error") == "insufficient_scope":
        named = challenge.get("scope") or ""
        raise InsufficientScopeError(frozenset(named.split()) - token.scopes)


def _challenge(response: requests.Response) -> dict[str, str]:
    """Return the parameters of the Bearer challenge, which may follow others (RFC 9110 11.6.1)."""
    _ = response.content  # read to its end, so that the connection can be used again
    header = response.headers.get("WWW-Authenticate", "")
    found = BEARER.search(header)
    return parse_dict_header(header[found.end() :]) if found else {}  # type: ignore[no-untyped-call]
