"""Let only bearers of a good access token through to a route: RFC 6750 2.1 (presenting) and 3 (challenges).

Not here: the checks of the token itself (access_token.py). No token is read from a body or query (2.2, 2.3).
"""

import json
import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, request

from .access_token import AccessToken, InvalidTokenError, KeysUnavailableError

SCHEME = re.compile(r"bearer(?![\w!#$%&'*+.^`|~-])", re.ASCII | re.IGNORECASE)
CREDENTIALS = re.compile(r"bearer +([\w.~+/-]+=*)", re.ASCII | re.IGNORECASE)  # RFC 6750 2.1
# Servers join repeated headers with a comma; within one header, a parameter follows it (RFC 9110 11.4).
SEVERAL = re.compile(r",(?!\s*[\w!#$%&'*+.^`|~-]+\s*=)", re.ASCII)

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)


class RefusalError(Exception):
    """The answer is this status and error code (RFC 6750 3.1), no code where no token was presented."""

    def __init__(self, status: int, error: str | None, description: str, scope: str | None = None) -> None:
        super().__init__(description)
        self.status, self.error, self.description, self.scope = status, error, description, scope


class FreshCheckError(Exception):
    """Whether the token is still active could not be learnt; the message says why, for the log alone."""


def not_configured(_: str) -> bool:
    """Stand in for a fresh check where none is configured: nobody is let through."""
    raise FreshCheckError("no introspection is configured")


def require_scope(
    scope: str, *, fresh: bool = False
) -> Callable[[Callable[Concatenate[AccessToken, P], R]], Callable[P, R]]:
    """Serve the route only to a good token with that scope; the view gets the token as first argument.

    `fresh` asks the authorization server, at each request, whether the token is still active.
    """

    def guard(view: Callable[Concatenate[AccessToken, P], R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            authorization: Authorization = current_app.extensions["authorization"]
            return view(authorization.authorize(request, scope, fresh=fresh), *args, **kwargs)

        guarded.required_scope = scope  # type: ignore[attr-defined]  # for metadata and documentation
        return guarded

    return guard


class Authorization:
    """The gate of one Flask app: it answers every refusal, and logs the check that failed."""

    def __init__(
        self,
        app: Flask,
        verify: Callable[[str], AccessToken],
        *,
        audience: str,
        realm: str,
        active: Callable[[str], bool] = not_configured,
    ) -> None:
        self._active = active
        self._verify, self._realm = verify, f'Bearer realm="{realm}"'
        self._metadata = f'resource_metadata="{metadata_url(audience)}"'
        app.extensions["authorization"] = self
        app.register_error_handler(RefusalError, self._refuse)
        app.register_error_handler(KeysUnavailableError, self._keys_unavailable)
        app.register_error_handler(FreshCheckError, self._fresh_check_failed)

    def authorize(self, request: Request, scope: str, *, fresh: bool = False) -> AccessToken:
        """Return the token presented; raise RefusalError, KeysUnavailableError or FreshCheckError."""
        compact = presented_token(request)
        try:
            token = self._verify(compact)
        except InvalidTokenError as failed:
            log.info("access token refused", extra={"check": failed.check, "reason": str(failed)})
            raise RefusalError(401, "invalid_token", str(failed)) from None
        if scope not in token.scope:
            log.info("access token refused", extra={"check": "scope", "reason": f"It lacks {scope}."})
            raise RefusalError(403, "insufficient_scope", f"The token lacks the scope {scope}.", scope)
        if fresh and not self._is_active(compact):
            log.info("access token refused", extra={"check": "fresh", "reason": "It is not active."})
            raise RefusalError(401, "invalid_token", "The token is not active any more.")
        return token

    def _is_active(self, compact: str) -> bool:
        try:
            return self._active(compact)
        except (OSError, ValueError) as failure:
            raise FreshCheckError(str(failure)) from failure

    def _refuse(self, refusal: RefusalError) -> Response:
        given = {"error": refusal.error, "error_description": refusal.description, "scope": refusal.scope}
        body = {name: value for name, value in given.items() if value} if refusal.error else {}
        challenge = [self._realm, *(f'{name}="{value}"' for name, value in body.items()), self._metadata]
        response = _json(refusal.status, body) if body else _problem(401, "Unauthorized", refusal.description)
        response.headers["WWW-Authenticate"] = ", ".join(challenge)
        return response

    def _keys_unavailable(self, _: KeysUnavailableError) -> Response:
        return self._unavailable("kid known", "no usable key set", "The issuer's keys are not available.")

    def _fresh_check_failed(self, failure: FreshCheckError) -> Response:
        detail = "Whether the token is still active cannot be learnt at present."
        return self._unavailable("fresh", str(failure), detail)

    def _unavailable(self, check: str, reason: str, detail: str) -> Response:
        log.warning("access token not checked", extra={"check": check, "reason": reason})
        response = _problem(503, "Service Unavailable", detail)
        response.headers["Retry-After"] = "2"
        return response


def presented_token(request: Request) -> str:
    """Return the one token of the Authorization header; raise RefusalError."""
    header = request.headers.get("Authorization", "")
    if SEVERAL.search(header):
        raise RefusalError(400, "invalid_request", "There are several Authorization headers.")
    if not SCHEME.match(header):
        raise RefusalError(401, None, "An access token is required: Authorization, scheme Bearer.")
    credentials = CREDENTIALS.fullmatch(header)
    if not credentials:
        raise RefusalError(400, "invalid_request", "The Authorization header is not Bearer and one token.")
    if "access_token" in request.args:
        raise RefusalError(400, "invalid_request", "The token is presented in more than one way.")
    return credentials[1]


def metadata_url(audience: str) -> str:
    """Return where a resource's metadata is found: well-known between its host and path (RFC 9728 3.1)."""
    path = urlsplit(audience).path
    return audience.removesuffix(path) + "/.well-known/oauth-protected-resource" + path.rstrip("/")


def _json(status: int, body: dict[str, Any], mimetype: str = "application/json") -> Response:
    return Response(json.dumps(body), status, mimetype=mimetype)


def _problem(status: int, title: str, detail: str) -> Response:  # RFC 9457
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return _json(status, body, "application/problem+json")
