"""`POST /oauth/introspect`: a client asks whether a token is active (RFC 7662 2)."""

from flask import Blueprint, Response

from auth_server.endpoints.oauth_http import Receive, answer, answer_refusals
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.introspection import IntrospectionEndpoint

PATH = "/oauth/introspect"


def introspection_endpoint(server: AuthorizationServer, issuer: str, receive: Receive) -> Blueprint:
    """Return the endpoint as a blueprint."""
    blueprint = Blueprint("introspection", __name__)
    answer_refusals(blueprint, "introspection refused", issuer)
    introspection = IntrospectionEndpoint(server)

    @blueprint.post(PATH, provide_automatic_options=False)
    def introspect() -> Response:
        request = receive()
        client = server.client_authentication.authenticate(request)
        token = introspection.authenticate_token(request, client)
        return answer(introspection.create_introspection_payload(token))

    return blueprint
