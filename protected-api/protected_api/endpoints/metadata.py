"""What a client can learn before it calls: the resource's metadata (RFC 9728 2), the API's description."""

import json
from functools import cache
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from protected_api.endpoints.openapi import describe, operation
from protected_api.resource_server.protect import metadata_url
from protected_api.timesheets.answers import ProtectedResource


def metadata_routes(issuer: str, audience: str, name: str) -> Blueprint:
    """Return the routes of the resource `audience`; its scopes are those that the routes demand."""
    routes = Blueprint("metadata", __name__)

    @routes.get(urlsplit(metadata_url(audience)).path)
    @operation({200: ProtectedResource})
    def protected_resource() -> ResponseReturnValue:
        """Name the authorization server whose tokens this API accepts, and their scopes."""
        scopes = {getattr(view, "required_scope", None) for view in current_app.view_functions.values()}
        return {
            "resource": audience,
            "resource_name": name,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": sorted(filter(None, scopes)),
        }

    @cache  # made at the first request, because it is slow
    def description() -> str:
        return json.dumps(describe(current_app, title=name, issuer=issuer, audience=audience))

    @routes.get("/openapi.json")
    @operation({200: dict})
    def openapi() -> ResponseReturnValue:
        """Describe this API."""
        return Response(description(), mimetype="application/json")

    return routes
