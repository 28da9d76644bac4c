"""`/oauth/authorize`: says that there is nothing to authorize. This server has no users (RFC 6749 3.1).

Metadata names it because some clients, MCP's SDKs among them, read no metadata without such an address.
Nothing of the request is read, so no `redirect_uri` can lead anywhere.
"""

from flask import Blueprint, Response

from auth_server.endpoints.oauth_http import refusal
from auth_server.errors import UnsupportedResponseTypeError

PATH = "/oauth/authorize"


def authorization_endpoint(issuer: str) -> Blueprint:
    """Return the endpoint as a blueprint."""
    blueprint = Blueprint("authorization", __name__)

    @blueprint.route(PATH, methods=["GET", "POST"], provide_automatic_options=False)
    def authorize() -> Response:
        return refusal(UnsupportedResponseTypeError(), issuer)

    return blueprint
