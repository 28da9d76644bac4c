"""Let only bearers of a good access token through to a route: RFC 6750 2.1 (presenting) and 3 (challenges).

Not here: the checks of the token itself (access_token.py). No token is read from a body or query (2.2, 2.3).
"""

import logging
import re
from collections.abc import Callable
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar

from flask import Flask, Request, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable, Unauthorized

from .access_token import (
    AccessToken,
    RefusalError,
    Tell,
    UnavailableError,
    untold,
)

SCHEME = re.compile(r"bearer(?![\w!#$%&'*+.^`|~-])", re.ASCII | re.IGNORECASE)
CREDENTIALS = re.compile(r"bearer +([\w.~+/-]+=*)", re.ASCII | re.IGNORECASE)  # RFC 6750 2.1
# Servers join repeated headers with a comma; within one header, a parameter follows it (RFC 9110 11.4).
SEVERAL = re.compile(r",(?!\s*[\w!#$%&'*+.^`|~-]+\s*=)", re.ASCII)

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)


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
        realm: str,
        resource_metadata: str,
        active: Callable[[str], bool] | None = None,
        tell: Tell = untold,
    ) -> None:
        self._app, self._verify, self._active, self._tell = app, verify, active, tell
        self._challenge = f'Bearer realm="{realm}"', f'resource_metadata="{resource_metadata}"'
        app.extensions["authorization"] = self
        app.register_error_handler(RefusalError, self._refuse)
        app.register_error_handler(UnavailableError, self._unavailable)

    def authorize(self, request: Request, scope: str, *, fresh: bool = False) -> AccessToken:
        """Return the token presented; raise RefusalError or UnavailableError."""
        compact = presented_token(request)
        self._tell("presenting", None)
        token = self._verify(compact)
        if scope not in token.scope:
            lacking = f"The token lacks the scope {scope}."
            raise RefusalError("scope", lacking, 403, "insufficient_scope", scope=scope)
        self._tell("scope", None)
        if fresh:
            if not self._is_active(compact):
                raise RefusalError("fresh", "The token is not active any more.")
            self._tell("fresh", None)
        return token

    def _is_active(self, compact: str) -> bool:
        if self._active is None:
            raise UnavailableError("fresh", "no introspection is configured")
        try:
            return self._active(compact)
        except (OSError, ValueError) as failure:
            raise UnavailableError("fresh", str(failure)) from failure

    def _refuse(self, refusal: RefusalError) -> Response:
        self._failed(logging.INFO, "access token refused", refusal)
        body = refusal.body
        response = jsonify(body) if body else self._rendered(Unauthorized(str(refusal)))
        response.status_code = refusal.status
        realm, metadata = self._challenge
        error = (f'{name}="{value}"' for name, value in body.items())
        response.headers["WWW-Authenticate"] = ", ".join([realm, *error, metadata])
        return response

    def _unavailable(self, failure: UnavailableError) -> Response:
        self._failed(logging.WARNING, "access token not checked", failure)
        return self._rendered(ServiceUnavailable("The token cannot be checked at present.", retry_after=2))

    def _failed(self, level: int, message: str, failure: RefusalError | UnavailableError) -> None:
        log.log(level, message, extra={"check": failure.check, "reason": str(failure)})
        self._tell(failure.check, str(failure))

    def _rendered(self, error: HTTPException) -> Response:
        return self._app.make_response(self._app.handle_http_exception(error))  # as the app's own errors


def presented_token(request: Request) -> str:
    """Return the one token of the Authorization header; raise RefusalError."""
    wrong = partial(RefusalError, "presenting", status=400, error="invalid_request")
    header = request.headers.get("Authorization", "")
    if SEVERAL.search(header):
        raise wrong("There are several Authorization headers.")
    if not SCHEME.match(header):
        raise RefusalError("presenting", "A token is required: Authorization, scheme Bearer.", error="")
    credentials = CREDENTIALS.fullmatch(header)
    if not credentials:
        raise wrong("The Authorization header is not Bearer and one token.")
    if "access_token" in request.args:
        raise wrong("The token is presented in more than one way.")
    return credentials[1]
