"""`POST /oauth/token` (RFC 6749 3.2). Its steps are in `server`."""

from flask import Blueprint, Response, request

from auth_server.server import AuthorizationServer


def token_endpoint(server: AuthorizationServer) -> Blueprint:
    """Serve the token endpoint."""
    blueprint = Blueprint("token", __name__)

    @blueprint.post("/oauth/token", provide_automatic_options=False)
    def issue_token() -> Response:
        return server.create_token_response(request)

    return blueprint
