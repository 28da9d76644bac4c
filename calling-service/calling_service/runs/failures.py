"""Why a run failed: what happened, and what to do about it."""

import sqlite3

from calling_service.import_job.timesheets_api import ApiError
from calling_service.oauth_client.bearer_auth import InsufficientScopeError
from calling_service.oauth_client.token_source import TokenError
from calling_service.runs.run import Failure
from calling_service.settings import Settings

AGAIN = "then start another run: what is booked stays booked, and nothing is booked twice"


def explain(error: Exception, settings: Settings) -> Failure | None:
    """Return the failure that a run reports for an error; None for an unexpected one."""
    match error:
        case TokenError():
            return _token(error, settings)
        case InsufficientScopeError():
            hint = f"grant {settings.client_id} that scope and add it to SCOPE"
            return _failure("insufficient_scope", f"{settings.audience} refused the call: {error}", hint)
        case ApiError():
            return _api(error, settings)
        case OSError() | sqlite3.Error():
            return storage_failure(error)
    return None


def storage_failure(error: OSError | sqlite3.Error) -> Failure:
    """Return the failure that a run reports when the inbox or its state folder cannot be used."""
    reason = str(error)
    if isinstance(error, OSError):
        reason = " ".join(str(part) for part in (error.filename, error.strerror) if part)
    return _failure("storage", f"a file could not be used: {reason}", "look at the volume")


def _failure(error: str, message: str, hint: str) -> Failure:
    return Failure(error, message, f"{hint}, {AGAIN}")


def _token(error: TokenError, settings: Settings) -> Failure:
    server = f"the authorization server {settings.issuer}"
    client = settings.client_id
    grant = f"grant {client} the scopes {' '.join(settings.scopes)}, or request fewer (SCOPE)"
    credential = f"its credential is the one in {settings.credential_file}; a changed file is used at once"
    hints = {
        "unreachable": f"see that {server} runs and can be reached from here",
        "no_credential": f"put the credential of the client {client} into that file",
        "invalid_client": f"see that {server} knows {client} and enables it, and that {credential}",
        **dict.fromkeys(("invalid_scope", "missing_scope"), grant),
        "invalid_target": f"grant {client} access to {settings.audience}, or correct AUDIENCE",
    }
    hint = hints.get(error.error, f"look at the log of {server}")
    message = f"no token from {server}: {error.description}"
    if error.retry_after:
        message += f" (no call for {error.retry_after:.0f} s)"
    return _failure(error.error, message, hint)


def _api(error: ApiError, settings: Settings) -> Failure:
    if error.status is None:
        message = f"the API did not answer at {error.url} ({error.detail})"
        return _failure("api_unreachable", message, "see that it runs and can be reached from here")
    hints = {
        401: f"see that the API trusts {settings.issuer} and expects the audience {settings.audience}",
        429: "wait until the API accepts more requests",
        503: "wait until the API is ready (its log says what is missing)",
    }
    hint = hints.get(error.status, "look at the log of the API, by the trace id of this run")
    message = f"the API answered {error.status} at {error.url}: {error.detail}"
    return _failure("api_error", message, hint)
