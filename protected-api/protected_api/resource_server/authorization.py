"""Serve a route only with a good access token (RFC 6750). Not here: a token's checks (access_token.py)."""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar

from flask import Flask, Request, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable, Unauthorized

from .access_token import AccessToken, OnCheck, ignore_check
from .proof_of_possession import Presented, ProofOfPossession
from .refusals import RefusalError, UnavailableError

END_OF_SCHEME = re.compile(r"[^\w!#$%&'*+.^`|~-]", re.ASCII)  # RFC 9110 11.1
CREDENTIALS = re.compile(r"\w+ +([\w.~+/-]+=*)", re.ASCII)  # RFC 6750 2.1, RFC 9449 7.1
# Servers join repeated headers with a comma; within one header, a parameter follows it (RFC 9110 11.4).
SEVERAL = re.compile(r",(?!\s*[\w!#$%&'*+.^`|~-]+\s*=)", re.ASCII)

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[Concatenate[AccessToken, P], R]
log = logging.getLogger(__name__)


def require_scope(
    scope: str, *, fresh: bool = False, bound: bool = False
) -> Callable[[View[P, R]], Callable[P, R]]:
    """Serve the route only to a token with this scope; the view gets the token as its first argument.

    With `fresh`, each request also asks the authorization server whether the token is still active. With
    `bound`, the token must be bound to a key of the client, which its request shows that it has.
    """

    def guard(view: View[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            authorization: Authorization | None = current_app.extensions.get("authorization")
            if authorization is None:
                raise RuntimeError("the app is not protected yet: call protect(app, …) when you make it")
            # The request itself: the proxy looks it up in the context for each of its attributes.
            this: Request = request._get_current_object()  # type: ignore[attr-defined]
            token = authorization.authorize(this, scope, fresh=fresh, bound=bound)
            return view(token, *args, **kwargs)

        guarded.required_scope = scope  # type: ignore[attr-defined]  # for metadata and documentation
        return guarded

    return guard


@dataclass(eq=False)
class Authorization:
    """Authorizes the requests of one Flask app: answers each refusal, and logs the check that failed."""

    app: Flask
    verify: Callable[[str], AccessToken]
    realm: str
    resource_metadata: str
    active: Callable[[str], bool] | None = None
    on_check: OnCheck = ignore_check
    possession: ProofOfPossession = field(default_factory=ProofOfPossession)

    def __post_init__(self) -> None:
        self.app.extensions["authorization"] = self
        self.app.register_error_handler(RefusalError, self._refuse)
        self.app.register_error_handler(UnavailableError, self._unavailable)

    def authorize(
        self, request: Request, scope: str, *, fresh: bool = False, bound: bool = False
    ) -> AccessToken:
        """Return the token of the request; raise RefusalError or UnavailableError."""
        try:
            return self._authorized(request, scope, fresh, bound)
        except RefusalError as refusal:
            if refusal.status == 401:  # a client that reads it asks for this scope, and not for all
                refusal.challenge["scope"] = scope
            raise

    def _authorized(self, request: Request, scope: str, fresh: bool, bound: bool) -> AccessToken:
        presented = presented_token(request, self.possession.schemes)
        self.on_check("presenting", None)
        token = self.verify(presented.compact)
        if self.possession.check(request, presented, token, required=bound):
            self.on_check("proof", None)
        if scope not in token.scope:
            reason = f"The token lacks the scope {scope}."
            raise RefusalError(reason, "scope", 403, "insufficient_scope", scope=scope)
        self.on_check("scope", None)
        if fresh:
            self._check_that_it_is_active(presented.compact)
            self.on_check("fresh", None)
        return token

    def _check_that_it_is_active(self, compact: str) -> None:
        if self.active is None:
            raise UnavailableError("no introspection is configured", "fresh")
        try:
            active = self.active(compact)
        except (OSError, ValueError) as failure:
            raise UnavailableError(str(failure), "fresh") from failure
        if not active:
            raise RefusalError("The token is not active any more.", "fresh")

    def _refuse(self, refusal: RefusalError) -> Response:
        self._report(logging.INFO, "access token refused", refusal)
        response = jsonify(refusal.members)
        if not refusal.members:
            response = self._as_the_app_does(Unauthorized(str(refusal)))
        response.status_code = refusal.status
        challenge = {"realm": self.realm, **refusal.challenge, "resource_metadata": self.resource_metadata}
        for text in self.possession.challenges(challenge, refusal.scheme):
            response.headers.add("WWW-Authenticate", text)
        response.headers.update(refusal.headers)
        return response

    def _unavailable(self, failure: UnavailableError) -> Response:
        self._report(logging.WARNING, "access token not checked", failure)
        error = ServiceUnavailable("The token cannot be checked at present.", retry_after=2)
        return self._as_the_app_does(error)

    def _report(self, level: int, message: str, failure: RefusalError | UnavailableError) -> None:
        log.log(level, message, extra={"check": failure.check, "reason": str(failure)})
        self.on_check(failure.check, str(failure))

    def _as_the_app_does(self, error: HTTPException) -> Response:
        return self.app.make_response(self.app.handle_http_exception(error))


def presented_token(request: Request, schemes: Iterable[str] = ("Bearer",)) -> Presented:
    """Return the token of the Authorization header, never of a body or query; raise RefusalError."""
    malformed = partial(RefusalError, check="presenting", status=400, error="invalid_request")
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    if SEVERAL.search(header):
        raise malformed("There are several Authorization headers.")
    named = END_OF_SCHEME.split(header, maxsplit=1)[0].lower()
    scheme = next((scheme for scheme in schemes if scheme.lower() == named), "")
    if not scheme:
        raise RefusalError("A token is required: Authorization, scheme Bearer.", "presenting", error="")
    credentials = CREDENTIALS.fullmatch(header)
    if not credentials:
        raise malformed(f"The Authorization header is not {scheme} and one token.")
    if "access_token" in request.args:
        raise malformed("The token is presented in more than one way.")
    return Presented(scheme, credentials[1])
