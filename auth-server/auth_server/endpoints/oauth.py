"""The OAuth endpoints: `POST /oauth/token` (RFC 6749 3.2), `/oauth/introspect`, `/oauth/revoke`.

What they do is in the modules of their names.
"""

from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, request

from auth_server.endpoints.client_address import client_address
from auth_server.protocol.server import AuthorizationServer
from auth_server.settings_reader import Network

# By the names of RFC 8414, with which the metadata are written too.
OAUTH_ENDPOINTS: Mapping[str, str] = {
    "token": "/oauth/token",
    "introspection": "/oauth/introspect",
    "revocation": "/oauth/revoke",
}


def oauth_endpoints(server: AuthorizationServer, trusted_proxies: Sequence[Network]) -> Blueprint:
    """Serve the endpoints, to clients whose address the trusted proxies tell."""
    blueprint = Blueprint("oauth", __name__)

    def answer() -> Response:
        name = str(request.endpoint).removeprefix("oauth.")
        return server.create_endpoint_response(name, request, client_address(request, trusted_proxies))

    for name, path in OAUTH_ENDPOINTS.items():
        blueprint.add_url_rule(path, name, answer, methods=["POST"], provide_automatic_options=False)
    return blueprint
