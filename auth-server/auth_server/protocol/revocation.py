"""Token revocation (RFC 7009): a client withdraws a token of its own. Its effect is seen by introspection."""

from authlib.oauth2.rfc7009 import RevocationEndpoint as AuthlibRevocationEndpoint

from auth_server.clients.registry import Client
from auth_server.errors import InvalidGrantError
from auth_server.logs import decided
from auth_server.protocol.oauth_request import TokenRequest, presented_token
from auth_server.server_timing import checking, failed
from auth_server.tokens.issued_tokens import InactiveTokenError, IssuedToken


class RevocationEndpoint(AuthlibRevocationEndpoint):  # type: ignore[misc]
    """Authlib's refuses hints it does not know; its JWT variant never revokes."""

    def authenticate_token(self, request: TokenRequest, client: Client) -> IssuedToken | None:
        """Find the token; None where there is nothing to revoke (RFC 7009 2.2). Raise InvalidGrantError."""
        try:
            token: IssuedToken = self.server.issued_tokens.recognise(presented_token(request))
        except InactiveTokenError as inactive:
            failed(str(inactive))
            event = {"address": request.address, "client_id": client.client_id}
            decided("nothing to revoke", event | {"reason": str(inactive)})
            return None
        checking("permission")
        if token.client_id != client.client_id:
            raise InvalidGrantError("The token was issued to another client.")
        return token

    def revoke_token(self, token: IssuedToken, request: TokenRequest) -> None:
        """Withdraw the token."""
        checking("revoke")
        self.server.issued_tokens.revoke(token)
        event = {"address": request.address, "client_id": token.client_id, "jti": token.jti}
        decided("token revoked", event)
