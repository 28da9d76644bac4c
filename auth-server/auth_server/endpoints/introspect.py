"""`POST /oauth/introspect`: a client asks whether a token is active (RFC 7662 2)."""

from flask import Blueprint, Response

from auth_server.endpoints.oauth_http import answer, answer_refusals, receive
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.introspection import IntrospectionEndpoint
from auth_server.settings import Networks

PATH = "/oauth/introspect"


def introspection_endpoint(server: AuthorizationServer, issuer: str, proxies: Networks) -> Blueprint:
    """Return the endpoint as a blueprint."""
    blueprint = Blueprint("introspection", __name__)
    answer_refusals(blueprint, "introspection refused", issuer)
    introspection = IntrospectionEndpoint(server)

    @blueprint.post(PATH, provide_automatic_options=False)
    def introspect() -> Response:
        request = receive(proxies)
        client = server.client_authentication.authenticate(request)
        token = introspection.authenticate_token(request, client)
        return answer(introspection.create_introspection_payload(token))

    return blueprint
