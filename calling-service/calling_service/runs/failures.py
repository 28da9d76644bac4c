"""What kept a run from completing, in words: what happened, and what to do about it."""

import sqlite3

from calling_service.import_job.timesheets_api import ApiError
from calling_service.oauth_client.bearer_auth import InsufficientScopeError
from calling_service.oauth_client.token_source import TokenError
from calling_service.runs.run import Failure
from calling_service.settings import Settings

AGAIN = "then start another run: what is booked stays booked, and nothing is booked twice"
LOOK = "look at the log of the API, by the trace id of this run"


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
            return storage_failure(error)
    return None


def storage_failure(error: OSError | sqlite3.Error) -> Failure:
    """Return the failure that a run reports when the inbox or its state folder cannot be used."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    path = f" {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return Failure("storage", f"a file could not be used:{path} {reason}", f"look at the volume, {AGAIN}")


def _token(error: TokenError, settings: Settings) -> Failure:
    server = f"the authorization server {settings.issuer}"
    client, scopes = settings.client_id, " ".join(settings.scopes)
    kind = "key" if settings.private_key else "secret"
    grant = f"grant {client} the scopes {scopes}, or ask for fewer (SCOPE)"
    hints = {
        "unreachable": f"see that {server} runs and can be reached from here",
        "no_credential": f"put the credential of the client {client} into that file",
        "invalid_client": f"see that {server} knows the client {client}, that it is enabled, that its {kind}"
        f" is the one in {settings.credential_file}; a changed file is used at once",
        "invalid_scope": grant,
        "missing_scope": grant,
        "invalid_target": f"grant {client} access to {settings.audience}, or correct AUDIENCE",
    }
    hint = f"{hints.get(error.error, f'look at the log of {server}')}, {AGAIN}"
    pause = f" (not asked again for {error.pause:.0f} s)" if error.pause else ""
    return Failure(error.error, f"no token from {server}: {error.description}{pause}", hint)


def _scope(error: InsufficientScopeError, settings: Settings) -> Failure:
    hint = f"grant {settings.client_id} that scope and add it to SCOPE, {AGAIN}"
    return Failure("insufficient_scope", f"{settings.audience} refused the call: {error}", hint)


def _api(error: ApiError, settings: Settings) -> Failure:
    if error.status is None:
        message = f"the API did not answer at {error.url} ({error.detail})"
        return Failure("api_unreachable", message, f"see that it runs and can be reached from here, {AGAIN}")
    hints = {
        401: f"see that the API trusts {settings.issuer} and goes by the audience {settings.audience}",
        429: "wait until the API takes more requests",
        503: "wait until the API is ready (its log says what it lacks)",
    }
    hint = f"{hints.get(error.status, LOOK)}, {AGAIN}"
    return Failure("api_error", f"the API answered {error.status} at {error.url}: {error.detail}", hint)
