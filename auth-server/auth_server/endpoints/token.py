"""`POST /oauth/token`: a client authenticates and gets an access token (RFC 6749 3.2 and 4.4)."""

from flask import Blueprint, Response

from auth_server.endpoints.oauth_http import Receive, answer, answer_refusals
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.grant import ClientCredentialsGrant

PATH = "/oauth/token"


def token_endpoint(server: AuthorizationServer, issuer: str, receive: Receive) -> Blueprint:
    """Return the endpoint as a blueprint."""
    blueprint = Blueprint("token", __name__)
    answer_refusals(blueprint, "token refused", issuer)

    @blueprint.post(PATH, provide_automatic_options=False)
    def token() -> Response:
        request = receive()
        grant = ClientCredentialsGrant(request, server)
        grant.validate_token_request()  # client authentication, grant type, target, scope, Actions
        _, body, headers = grant.create_token_response()
        return answer(body, headers=headers)

    return blueprint
