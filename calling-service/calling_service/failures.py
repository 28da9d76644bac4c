"""What kept a run from completing, in words: what happened, and what to do about it."""

import sqlite3

from .bearer_auth import InsufficientScopeError
from .run import Failure
from .settings import Settings
from .timesheets_api import ApiError
from .token_source import TokenError

AGAIN = "then start another run: what is booked stays booked, and nothing is booked twice"


def explain(error: Exception, settings: Settings) -> Failure | None:
    """Return the failure that a run reports for an error; None for one that nobody expected."""
    match error:
        case TokenError():
            return _token(error, settings)
        case InsufficientScopeError():
            return _scope(error, settings)
        case ApiError():
            return _api(error, settings)
        case OSError() | sqlite3.Error():
            reason = error.strerror if isinstance(error, OSError) else str(error)
            path = f" {error.filename}" if isinstance(error, OSError) and error.filename else ""
            return Failure(
                "storage", f"a file could not be used:{path} {reason}", f"look at the volume, {AGAIN}"
            )
    return None


def _token(error: TokenError, settings: Settings) -> Failure:
    server = f"the authorization server {settings.issuer}"
    hint = {
        "unreachable": f"see that {server} runs and can be reached from here, {AGAIN}",
        "no_credential": f"put the secret of the client {settings.client_id} into that file, {AGAIN}",
        "invalid_client": f"see that {server} knows the client {settings.client_id}, that it is enabled, and that"
        f" the secret in {settings.client_secret_file} is its; a changed file is read at once; {AGAIN}",
        "invalid_scope": f"grant {settings.client_id} the scopes {' '.join(settings.scopes)}, or ask for fewer"
        f" (SCOPE), {AGAIN}",
        "missing_scope": f"grant {settings.client_id} the scopes {' '.join(settings.scopes)}, {AGAIN}",
        "invalid_target": f"grant {settings.client_id} access to {settings.audience}, or correct AUDIENCE, {AGAIN}",
    }.get(error.error, f"look at the log of {server}, {AGAIN}")
    pause = f" (not asked again for {error.pause:.0f} s)" if error.pause else ""
    return Failure(error.error, f"no token from {server}: {error.description}{pause}", hint)


def _scope(error: InsufficientScopeError, settings: Settings) -> Failure:
    hint = f"grant {settings.client_id} that scope and add it to SCOPE, {AGAIN}"
    return Failure("insufficient_scope", f"{settings.audience} refused the call: {error}", hint)


def _api(error: ApiError, settings: Settings) -> Failure:
    if error.status is None:
        message = f"the API did not answer at {error.url} ({error.detail})"
        return Failure("api_unreachable", message, f"see that it runs and can be reached from here, {AGAIN}")
    hint = {
        401: f"see that the API trusts the issuer {settings.issuer} and goes by the audience {settings.audience}",
        503: "wait until the API is ready (its log says what it lacks)",
    }.get(error.status, "look at the log of the API, by this run's trace id")
    message = f"the API answered {error.status} at {error.url}: {error.detail}"
    return Failure("api_error", message, f"{hint}, {AGAIN}")
