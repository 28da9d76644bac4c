"""`POST /oauth/revoke`: a client withdraws a token of its own (RFC 7009 2)."""

from flask import Blueprint, Response

from auth_server.endpoints.oauth_http import Receive, answer, answer_refusals
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.revocation import RevocationEndpoint

PATH = "/oauth/revoke"


def revocation_endpoint(server: AuthorizationServer, issuer: str, receive: Receive) -> Blueprint:
    """Return the endpoint as a blueprint."""
    blueprint = Blueprint("revocation", __name__)
    answer_refusals(blueprint, "revocation refused", issuer)
    revocation = RevocationEndpoint(server)

    @blueprint.post(PATH, provide_automatic_options=False)
    def revoke() -> Response:
        request = receive()
        client = server.client_authentication.authenticate(request)
        token = revocation.authenticate_token(request, client)
        if token:
            revocation.revoke_token(token, request)
        return answer({})  # also if there was nothing to revoke (RFC 7009 2.2)

    return blueprint
