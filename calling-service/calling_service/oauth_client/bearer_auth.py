"""A requests auth that sends a request with a valid access token or not at all (RFC 6750 2.1, 3.1).

Not here: obtaining, caching and renewing tokens (token_source.py).
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import requests
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from .token_source import Token, TokenSource

# A scheme of WWW-Authenticate, or one of its parameters with a quoted or a plain value (RFC 9110 11.6.1).
PART = re.compile(r'([^\s,;="]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?')


class InsufficientScopeError(Exception):
    """The API answered 403 insufficient_scope; `missing` are the scopes that it names and the token lacks."""

    def __init__(self, missing: frozenset[str]) -> None:
        scopes = " ".join(sorted(missing)) or "(the API names none)"
        super().__init__(f"the token lacks the scope {scopes}")
        self.missing = missing


class BearerAuth(requests.auth.AuthBase):
    """Attaches the source's token for `audience` and `scopes` to requests for the host of `api_url`."""

    scheme = "Bearer"

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
        handle = partial(self._handle, token=token, again=self._source.was_refused(token))
        request.register_hook("response", handle)  # type: ignore[no-untyped-call]
        return request

    def _attach_token(self, request: requests.PreparedRequest) -> Token:
        token = self._source.get(self._audience, self._scopes)
        request.headers["Authorization"] = f"{self.scheme} {token.value}"
        return token

    def _has_sent(self, token: Token, response: requests.Response) -> bool:
        # requests keeps a hook on a redirect, where the request may have lost our token.
        return response.request.headers.get("Authorization") == f"{self.scheme} {token.value}"

    def _handle(
        self, response: requests.Response, token: Token, again: bool, **options: Any
    ) -> requests.Response:
        if not self._has_sent(token, response):
            return response
        is_dropped = self._drop_if_refused(token, response, again)
        if is_dropped and self._challenge(response).get("error") == "invalid_token":
            return self._send_again(response, options)
        self._raise_for_scope(response, token)
        return response

    def _drop_if_refused(self, token: Token, response: requests.Response, again: bool) -> bool:
        # Whatever the challenge: gateways and older servers name no error, or another one.
        return response.status_code == 401 and self._source.drop_refused(token, again=again)

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
        self._drop_if_refused(token, second, again=False)
        self._raise_for_scope(second, token)
        return second

    def _raise_for_scope(self, response: requests.Response, token: Token) -> None:
        challenge = self._challenge(response) if response.status_code == 403 else {}
        if challenge.get("error") == "insufficient_scope":
            named = challenge.get("scope") or ""
            raise InsufficientScopeError(frozenset(named.split()) - token.scopes)

    def _challenge(self, response: requests.Response) -> dict[str, str]:
        return challenge_of(response, self.scheme)


def challenge_of(response: requests.Response, wanted: str) -> dict[str, str]:
    """Return the parameters of a scheme's challenge, which may stand beside others (RFC 9110 11.6.1).

    Commas do not matter: AWS and Kong leave them out, and oauthlib puts one behind the scheme.
    """
    _ = response.content  # read to its end, so that the connection can be used again
    scheme = ""
    parameters: dict[str, str] = {}
    for part in PART.finditer(response.headers.get("WWW-Authenticate", "")):
        name, quoted, plain = part.groups()
        if quoted is None and plain is None:
            scheme = name.lower()
        elif scheme == wanted.lower():
            parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted or plain or "")
    return parameters
