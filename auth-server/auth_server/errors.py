"""The errors of the OAuth endpoints (RFC 6749 5.2, RFC 8707 2), one class each.

Authlib's OAuth2Error checks the description and writes the body. Not here: answers (endpoints/oauth_http.py).
"""

from collections.abc import Mapping

from authlib.oauth2 import OAuth2Error


class ProtocolError(OAuth2Error):  # type: ignore[misc]
    """A refused request: the client gets the description, the log alone gets the reason."""

    status_code = 400

    def __init__(
        self,
        description: str | None = None,
        *,
        reason: str = "",
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description, status_code=status)
        self.reason = reason or self.description
        self.headers = headers or {}


class InvalidRequestError(ProtocolError):
    """The request is malformed, or a parameter is missing, repeated or contradictory."""

    error = "invalid_request"


class InvalidClientError(ProtocolError):
    """Client authentication failed: one answer for every reason (RFC 6749 5.2, RFC 7617 2)."""

    error = "invalid_client"
    status_code = 401
    description = "Client authentication failed."


class UnsupportedGrantTypeError(ProtocolError):
    """The grant type is not client credentials. Authlib's own error repeats what the caller sent."""

    error = "unsupported_grant_type"
    description = "The grant_type must be client_credentials."


class UnsupportedResponseTypeError(ProtocolError):
    """A browser was sent here to log somebody in (RFC 6749 4.1.2.1)."""

    error = "unsupported_response_type"
    description = "This server has no users and no browser login; machine clients ask at the token endpoint."


class UnauthorizedClientError(ProtocolError):
    """An Action denies the request of this client."""

    error = "unauthorized_client"


class InvalidGrantError(ProtocolError):
    """The token was issued to another client (RFC 7009 2.1)."""

    error = "invalid_grant"


class InvalidScopeError(ProtocolError):
    """The scope is malformed or not granted."""

    error = "invalid_scope"


class InvalidTargetError(ProtocolError):
    """The audience or resource is malformed, unknown or not granted (RFC 8707 2)."""

    error = "invalid_target"


class InvalidDpopProofError(ProtocolError):
    """The DPoP proof of the request is not valid (RFC 9449 5)."""

    error = "invalid_dpop_proof"


class UseDpopNonceError(ProtocolError):
    """The DPoP proof needs a nonce, which the DPoP-Nonce header of the answer brings (RFC 9449 8)."""

    error = "use_dpop_nonce"
    description = "The DPoP proof needs the nonce of this answer's DPoP-Nonce header."


class ServerError(ProtocolError):
    """The server failed; the answer says nothing about how."""

    error = "server_error"
    status_code = 500
    description = "The server could not answer. The fault is not yours."


class TemporarilyUnavailableError(ProtocolError):
    """The server cannot answer now: it has no database or no signing key."""

    error = "temporarily_unavailable"
    status_code = 503
    description = "The server cannot answer now. Try again later."
