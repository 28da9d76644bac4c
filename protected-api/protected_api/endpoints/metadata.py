"""`/.well-known/oauth-protected-resource`: what a client needs to know before it calls, RFC 9728 2."""

from urllib.parse import urlsplit

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from protected_api.resource_server import metadata_url


def metadata(issuer: str, audience: str, name: str) -> Blueprint:
    """Return the metadata route of the resource `audience`; its scopes are those that the routes demand."""
    routes = Blueprint("metadata", __name__)

    @routes.get(urlsplit(metadata_url(audience)).path)
    def protected_resource() -> ResponseReturnValue:
        scopes = {getattr(view, "required_scope", None) for view in current_app.view_functions.values()}
        return {
            "resource": audience,
            "resource_name": name,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": sorted(scope for scope in scopes if scope),
        }

    return routes
