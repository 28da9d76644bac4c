"""The errors of the OAuth endpoints (RFC 6749 5.2, RFC 8707 2), one class each, and what renders them.

They are Authlib's OAuth2Error, so that what Authlib raises is rendered alike. The wire gets the
description, the log the reason.
"""

import json
from collections.abc import Mapping
from typing import ClassVar

from authlib.oauth2 import OAuth2Error
from flask import Response

from auth_server.server_timing import failed

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class ProtocolError(OAuth2Error):  # type: ignore[misc]
    """A request is refused; `reason` is the true reason, for the log alone."""

    status_code = 400
    default_description: ClassVar[str] = ""

    def __init__(
        self,
        description: str | None = None,
        *,
        reason: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description or self.default_description, status_code=status)
        self.reason = reason or self.description
        self.headers = headers or {}


class InvalidRequestError(ProtocolError):
    """Malformed, or with a parameter missing, repeated or contradictory."""

    error = "invalid_request"


class InvalidClientError(ProtocolError):
    """Client authentication failed: one answer, whatever the reason (RFC 6749 5.2, RFC 7617 2)."""

    error = "invalid_client"
    status_code = 401
    default_description = "Client authentication failed."


class UnsupportedGrantTypeError(ProtocolError):
    """Another grant than client credentials. Authlib's own error repeats what the caller sent."""

    error = "unsupported_grant_type"
    default_description = "The grant_type must be client_credentials."


class UnauthorizedClientError(ProtocolError):
    """An Action has denied the exchange to this client."""

    error = "unauthorized_client"


class InvalidGrantError(ProtocolError):
    """A token that was issued to another client (RFC 7009 2.1)."""

    error = "invalid_grant"


class InvalidScopeError(ProtocolError):
    """A scope that is malformed or not granted."""

    error = "invalid_scope"


class InvalidTargetError(ProtocolError):
    """An audience or resource that is malformed, unknown or not granted (RFC 8707 2)."""

    error = "invalid_target"


class ServerError(ProtocolError):
    """The server failed; nothing of its insides is told."""

    error = "server_error"
    status_code = 500
    default_description = "The server could not answer. The fault is not yours."


class TemporarilyUnavailableError(ProtocolError):
    """The database does not answer."""

    error = "temporarily_unavailable"
    status_code = 503
    default_description = "The server cannot answer now. Try again later."


def render(error: OAuth2Error, realm: str) -> Response:
    """Turn a protocol error into its response (RFC 6749 5.2); every 401 carries a challenge."""
    failed(getattr(error, "reason", error.description))
    body = json.dumps(dict(error.get_body()))
    response = Response(body, error.status_code, NO_STORE, content_type="application/json")
    if error.status_code == 401:
        response.headers["WWW-Authenticate"] = f'Basic realm="{realm}", charset="UTF-8"'
    if isinstance(error, ProtocolError):
        response.headers.update(error.headers)
    return response
