"""The metadata of the resource (RFC 9728 2). Not here: the API's description (test_openapi.py)."""

from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.settings import Settings


def test_describes_itself_to_clients(client: FlaskClient, issuer: Any) -> None:
    response = client.get("/.well-known/oauth-protected-resource")
    assert (response.status_code, response.json) == (
        200,
        {
            "resource": "http://localhost:9001",
            "resource_name": "Timesheets API",
            "authorization_servers": [issuer.url],
            "bearer_methods_supported": ["header"],
            "scopes_supported": [
                "approve:timesheets",
                "batch:upload",
                "create:timesheets",
                "delete:timesheets",
                "read:timesheets",
            ],
        },
    )


def test_serves_its_metadata_where_a_resource_with_a_path_has_it(settings: Settings) -> None:
    app = create_app(replace(settings, audience="https://api.example/v1"))
    assert app.test_client().get("/.well-known/oauth-protected-resource/v1").status_code == 200
