"""Token introspection (RFC 7662): whether a token is active, and what it says.

A client may ask about its own tokens, and the clients that an API names as `introspected_by` about that API's
tokens. Not here: whether a token is active (tokens/issued_tokens.py).
"""

from typing import Any

from authlib.oauth2 import rfc7662

from auth_server.clients.registry import Client
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.oauth_request import OAuthRequest, presented_token
from auth_server.request_log import decided
from auth_server.server_timing import checking, failed
from auth_server.tokens.issued_tokens import InactiveTokenError, IssuedToken


class IntrospectionEndpoint(rfc7662.IntrospectionEndpoint):  # type: ignore[misc]
    """Authlib's refuses unknown hints; its JWT variant fails on garbage and knows no revocation."""

    server: AuthorizationServer

    def authenticate_token(self, request: OAuthRequest, client: Client) -> IssuedToken | None:
        """Return the token; None if it is not active or not for this client to ask about (RFC 7662 2.1)."""
        try:
            token = self._active_token(request, client)
        except InactiveTokenError as inactive:
            failed(str(inactive))
            decided("token introspected", client_id=client.client_id, active=False, reason=str(inactive))
            return None
        decided("token introspected", client_id=client.client_id, active=True, jti=token.jti)
        return token

    def create_introspection_payload(self, token: IssuedToken | None) -> dict[str, Any]:
        """Return the answer (RFC 7662 2.2), which says nothing else about a token that is not active."""
        if token is None:
            return {"active": False}
        return {"active": True, "token_type": token.token_type, **token.claims}

    def _active_token(self, request: OAuthRequest, client: Client) -> IssuedToken:
        checking("token")
        token = self.server.issued_tokens.recognise(presented_token(request))
        checking("standing")
        introspectors = self.server.issued_tokens.introspectors(token)
        checking("permission")
        if client.client_id not in {*introspectors, token.client_id}:
            raise InactiveTokenError("this client may not ask about it")
        return token
