"""The metadata of the resource (RFC 9728 2). Not here: the API's description (test_openapi.py)."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from protected_api.app import create_app
from protected_api.settings import Settings


@pytest.mark.requirement(
    "RFC 9728 2 resource",
    "RFC 9728 2 servers",
    "RFC 9728 2 scopes",
    "RFC 9728 2 methods",
    "RFC 9728 3 address",
    "RFC 9728 3.2 JSON",
)
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


@pytest.mark.requirement("RFC 9728 3.1 path")
@pytest.mark.parametrize("audience", ["https://api.example/timesheets", "https://api.example/timesheets/"])
def test_an_api_whose_identifier_has_a_path_is_served_below_it(
    settings: Settings, bearer: Callable[..., dict[str, str]], audience: str
) -> None:
    """The path may even have the name of a route."""
    app = create_app(replace(settings, audience=audience))
    app.extensions["keys"].refresh()
    client = app.test_client()
    challenge = client.get("/timesheets/timesheets").headers["WWW-Authenticate"]
    [address] = re.findall('resource_metadata="https://api.example([^"]*)"', challenge)
    assert address == "/.well-known/oauth-protected-resource/timesheets"
    for path in (address, f"{address}/"):
        served = client.get(path)
        assert served.json is not None
        assert (served.status_code, served.json["resource"]) == (200, audience)
        assert "create:timesheets" in served.json["scopes_supported"]
    headers = bearer(aud=audience, scope="create:timesheets read:timesheets delete:timesheets")
    entry = {"external_id": "e1", "user_id": "u1", "date": "2026-11-02", "project": "P", "hours": 1}
    created = client.post("/timesheets/timesheets", json=entry, headers=headers)
    assert (created.status_code, created.headers["Location"]) == (201, "/timesheets/timesheets/1")
    assert client.get("/timesheets/timesheets", headers=headers).status_code == 200
    assert client.delete(created.headers["Location"], headers=headers).status_code == 204
    for path in (
        "/timesheets",
        "/timesheets/upload",
        "/openapi.json",
        "/.well-known/oauth-protected-resource",
    ):
        assert client.get(path, headers=headers).status_code == 404
    for path in ("/healthz", "/readyz", "/timesheets/healthz", "/timesheets/readyz"):
        assert client.get(path).status_code == 200


def test_describes_an_api_whose_identifier_has_a_path(settings: Settings) -> None:
    """An address is that of the server and a path, as everywhere in OpenAPI."""

    def describe(audience: str, address: str) -> Any:
        app = create_app(replace(settings, audience=audience))
        description: Any = app.test_client().get(address).json
        OpenAPIV31SpecValidator(description).validate()
        return description

    plain = describe("https://api.example", "/openapi.json")
    below = describe("https://api.example/v1", "/v1/openapi.json")
    assert plain["servers"] == below["servers"] == [{"url": "https://api.example"}]
    at_the_root = {"/.well-known/oauth-protected-resource/v1", "/healthz", "/readyz"}
    served = {f"/v1{path}" for path in plain["paths"]} - {"/v1/.well-known/oauth-protected-resource"}
    assert set(below["paths"]) == served | at_the_root
