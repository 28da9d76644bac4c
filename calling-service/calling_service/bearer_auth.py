"""A requests auth that sends every request with a valid access token (RFC 6750 2.1, 3.1), or not at all.

Made to be copied, together with token_source.py. Not here: obtaining, keeping and renewing tokens.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import rewind_body

from .token_source import Token, TokenSource

PARAMETER = re.compile(r"""(?:([\w-]+)\s+)?([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))""", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignHostError(Exception):
    """The request goes to another origin than the one the token is for; nothing was sent."""


class InsufficientScopeError(Exception):
    """The API answered 403 insufficient_scope; `missing` are the scopes that it asks for and the token lacks."""

    def __init__(self, missing: frozenset[str], response: requests.Response) -> None:
        named = " ".join(sorted(missing)) or "that the API does not name"
        super().__init__(f"the API asks for a scope the token lacks: {named}")
        self.missing, self.response = missing, response


class BearerAuth(AuthBase):
    """Attach the source's token for `audience` and `scopes` to requests that go to the origin of `api_url`."""

    def __init__(self, source: TokenSource, *, api_url: str, audience: str, scopes: Iterable[str]) -> None:
        self._source, self._audience, self._scopes = source, audience, frozenset(scopes)
        self._origin = _origin(api_url)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if _origin(request.url or "") != self._origin:
            raise ForeignHostError(f"the token is for {self._origin} alone")
        token = self._attach(request)
        request.register_hook("response", partial(self._answered, token=token))  # type: ignore[no-untyped-call]
        return request

    def _attach(self, request: requests.PreparedRequest) -> Token:
        token = self._source.get(self._audience, self._scopes)
        request.headers["Authorization"] = f"Bearer {token.value}"
        return token

    def _answered(self, response: requests.Response, *, token: Token, **options: Any) -> requests.Response:
        # requests keeps this hook when it follows a redirect: what comes from elsewhere is not ours to answer.
        if response.request.headers.get("Authorization") != f"Bearer {token.value}":
            return response
        error = _challenge(response).get("error")
        if response.status_code == 401 and error == "invalid_token":
            self._source.drop(token)
            if _rewound(response.request):
                response, token = self._repeat(response, options)
        return self._checked(response, token)

    def _repeat(
        self, response: requests.Response, options: dict[str, Any]
    ) -> tuple[requests.Response, Token]:
        response.close()  # the body is read already, or not wanted: the connection is free
        request = response.request.copy()
        token = self._attach(request)
        # Straight to the adapter, past the hooks: a second 401 is the caller's.
        again: requests.Response = response.connection.send(request, **options)
        again.history.append(response)
        again.request = request
        return again, token

    def _checked(self, response: requests.Response, token: Token) -> requests.Response:
        challenge = _challenge(response)
        if response.status_code == 403 and challenge.get("error") == "insufficient_scope":
            raise InsufficientScopeError(
                frozenset(challenge.get("scope", "").split()) - token.scopes, response
            )
        return response


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)


def _rewound(request: requests.PreparedRequest) -> bool:
    """Say whether the body can be sent again; a file is set back to where it began."""
    if request.body is None or isinstance(request.body, str | bytes):
        return True
    try:
        rewind_body(request)
    except requests.exceptions.UnrewindableBodyError:
        return False
    return True


def _challenge(response: requests.Response) -> dict[str, str]:
    """Return the parameters of the Bearer challenge, which may stand among others (RFC 9110 11.6.1)."""
    scheme, parameters = "", {}
    for new_scheme, name, quoted, plain in PARAMETER.findall(response.headers.get("WWW-Authenticate", "")):
        scheme = (new_scheme or scheme).lower()
        if scheme == "bearer":
            parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) or plain
    return parameters
