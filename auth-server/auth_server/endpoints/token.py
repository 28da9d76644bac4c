"""`POST /oauth/token` (RFC 6749 3.2). Its steps are in `server`."""

from collections.abc import Sequence

from flask import Blueprint, Response, request

from auth_server.client_address import client_address
from auth_server.server import AuthorizationServer
from auth_server.settings import Network


def token_endpoint(server: AuthorizationServer, trusted_proxies: Sequence[Network]) -> Blueprint:
    """Serve the token endpoint, to clients whose address the trusted proxies tell."""
    blueprint = Blueprint("token", __name__)

    @blueprint.post("/oauth/token", provide_automatic_options=False)
    def issue_token() -> Response:
        return server.create_token_response(request, client_address(request, trusted_proxies))

    return blueprint
