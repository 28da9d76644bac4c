"""A requests auth that sends a request with a valid access token or not at all (RFC 6750 2.1, 3.1).

Made to be copied, with token_source.py. Not here: obtaining, keeping and renewing tokens.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

import requests
from requests.utils import parse_dict_header, rewind_body

from .token_source import Token, TokenSource


class InsufficientScopeError(Exception):
    """The API answered 403 insufficient_scope; `missing` are the scopes that it names and the token lacks."""

    def __init__(self, missing: frozenset[str]) -> None:
        super().__init__(f"the token lacks the scope {' '.join(sorted(missing)) or '(the API names none)'}")
        self.missing = missing


class BearerAuth(requests.auth.AuthBase):
    """Attaches the source's token for `audience` and `scopes` to requests for the host of `api_url`."""

    def __init__(self, source: TokenSource, *, api_url: str, audience: str, scopes: Iterable[str]) -> None:
        self._source, self._api_url, self._key = source, api_url, (audience, frozenset(scopes))

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Attach a token; raise ValueError for another host, TokenError when none can be had."""
        if requests.sessions.SessionRedirectMixin().should_strip_auth(self._api_url, request.url or ""):  # type: ignore[no-untyped-call]
            raise ValueError(f"the token is for {self._api_url} alone")
        token = self._attach(request)
        request.register_hook("response", partial(self._answered, token=token))  # type: ignore[no-untyped-call]
        return request

    def _attach(self, request: requests.PreparedRequest) -> Token:
        token = self._source.get(*self._key)
        request.headers["Authorization"] = f"Bearer {token.value}"
        return token

    def _answered(self, response: requests.Response, token: Token, **options: Any) -> requests.Response:
        # requests keeps this hook on a redirect: an answer to a request without our token is not ours.
        if response.request.headers.get("Authorization") != f"Bearer {token.value}":
            return response
        if response.status_code == 401 and _challenge(response).get("error") == "invalid_token":
            self._source.drop(token)
            with suppress(requests.exceptions.UnrewindableBodyError):
                response, token = self._again(response, options)
        told = _challenge(response) if response.status_code == 403 else {}
        if told.get("error") == "insufficient_scope":
            raise InsufficientScopeError(frozenset((told.get("scope") or "").split()) - token.scopes)
        return response

    def _again(self, first: requests.Response, options: dict[str, Any]) -> tuple[requests.Response, Token]:
        request = first.request.copy()
        if not isinstance(request.body, str | bytes | None):
            rewind_body(request)  # type: ignore[unreachable]  # its stubs know no files
        token = self._attach(request)
        # By the adapter, past the hooks: a second 401 is the caller's.
        second: requests.Response = first.connection.send(request, **options)
        second.history.append(first)
        return second, token


def _challenge(response: requests.Response) -> dict[str, str]:
    """Return the parameters of the Bearer challenge, which may follow others (RFC 9110 11.6.1)."""
    _ = response.content  # read to its end, so that the connection can be used again
    _, *bearer = re.split("(?i)(?:^|, *)bearer +", response.headers.get("WWW-Authenticate", ""), maxsplit=1)
    return parse_dict_header(bearer[0]) if bearer else {}  # type: ignore[no-untyped-call]
