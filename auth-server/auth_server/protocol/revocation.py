"""Token revocation (RFC 7009): a client withdraws a token of its own, which is then inactive."""

from authlib.oauth2 import rfc7009

from auth_server.clients.registry import Client
from auth_server.errors import InvalidGrantError
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.oauth_request import OAuthRequest, presented_token
from auth_server.request_log import decided
from auth_server.server_timing import checking, failed
from auth_server.tokens.issued_tokens import InactiveTokenError, IssuedToken


class RevocationEndpoint(rfc7009.RevocationEndpoint):  # type: ignore[misc]
    """Authlib's refuses unknown hints; its JWT variant never revokes."""

    server: AuthorizationServer

    def authenticate_token(self, request: OAuthRequest, client: Client) -> IssuedToken | None:
        """Return the token; None if there is nothing to revoke (RFC 7009 2.2). Raise InvalidGrantError."""
        checking("token")
        try:
            token = self.server.issued_tokens.recognise(presented_token(request))
        except InactiveTokenError as inactive:
            reason = str(inactive)
            failed(reason)
            decided("nothing to revoke", client_id=client.client_id, reason=reason)
            return None
        checking("permission")
        if token.client_id != client.client_id:
            raise InvalidGrantError("The token was issued to another client.")
        return token

    def revoke_token(self, token: IssuedToken, _: OAuthRequest) -> None:
        """Revoke the token and log it."""
        checking("revoke")
        self.server.issued_tokens.revoke(token)
        decided("token revoked", client_id=token.client_id, jti=token.jti)
