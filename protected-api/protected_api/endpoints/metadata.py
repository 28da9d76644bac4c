"""What a client can learn before it calls: the resource's metadata (RFC 9728 2), the API's description."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from protected_api.endpoints.openapi import describe, operation
from protected_api.resource_server.protect import metadata_url
from protected_api.timesheets.answers import ProtectedResource


def base_path(audience: str) -> str:
    """Return the path below which the API is served: that of its own URL."""
    return urlsplit(audience).path.rstrip("/")


def metadata_routes(issuer: str, audience: str, name: str, more: Mapping[str, Any]) -> Blueprint:
    """Return the routes of the resource `audience`; its scopes are those that the routes demand.

    `more` are members of the metadata for what an operator has switched on.
    """
    routes = Blueprint("metadata", __name__)

    # With or without a slash at its end: RFC 9728 3.1 keeps that of an identifier, and many clients do not.
    @routes.get(urlsplit(metadata_url(audience)).path, strict_slashes=False)
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
            **more,
        }

    @cache  # made at the first request, because it is slow
    def description() -> str:
        server = audience.removesuffix(urlsplit(audience).path)
        return json.dumps(describe(current_app, title=name, issuer=issuer, server=server))

    @routes.get(f"{base_path(audience)}/openapi.json")
    @operation({200: dict})
    def openapi() -> ResponseReturnValue:
        """Describe this API."""
        return Response(description(), mimetype="application/json")

    return routes
