"""Token introspection (RFC 7662): tell whether a token is active, and what it says.

A client may ask about its own tokens, and the one that an API names as `introspected_by` about that API's.
Whether a token is active is found out in `issued_tokens`.
"""

from typing import Any

from authlib.oauth2.rfc7662 import IntrospectionEndpoint as AuthlibIntrospectionEndpoint

from auth_server.clients.registry import Client
from auth_server.logs import decided
from auth_server.protocol.oauth_request import TokenRequest, presented_token
from auth_server.server_timing import checking, failed
from auth_server.tokens.issued_tokens import InactiveTokenError, IssuedToken, IssuedTokens


class IntrospectionEndpoint(AuthlibIntrospectionEndpoint):  # type: ignore[misc]
    """Authlib's refuses hints it does not know; its JWT variant fails on garbage and knows no revocation."""

    def authenticate_token(self, request: TokenRequest, client: Client) -> IssuedToken | None:
        """Find the token; None where it is not active, or not this client's to ask about (RFC 7662 2.1)."""
        event: dict[str, Any] = {"address": request.address, "client_id": client.client_id}
        try:
            token = _active_token(self.server.issued_tokens, presented_token(request), client)
        except InactiveTokenError as inactive:
            failed(str(inactive))
            decided("token introspected", event | {"active": False, "reason": str(inactive)})
            return None
        decided("token introspected", event | {"active": True, "jti": token.jti})
        return token

    def create_introspection_payload(self, token: IssuedToken | None) -> dict[str, Any]:
        """Write the answer (RFC 7662 2.2); of a token that is not active nothing else is told."""
        return {"active": True, "token_type": "Bearer", **token.claims} if token else {"active": False}


def _active_token(issued_tokens: IssuedTokens, compact: str, client: Client) -> IssuedToken:
    token = issued_tokens.recognise(compact)
    introspector = issued_tokens.introspector(token)
    checking("permission")
    if client.client_id not in (introspector, token.client_id):
        raise InactiveTokenError("not this client's to ask about")
    return token
