"""Target and scope: a client gets nothing beyond its grants."""

from collections.abc import Callable
from typing import Any

import pytest
from auth_server.clients.registry import ClientGrant
from auth_server.errors import InvalidScopeError
from auth_server.protocol.target_and_scope import granted_scopes
from auth_server.startup import Service
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
RS, ES, ED = "https://rs.example", "https://es.example", "https://ed.example"
MANY = {"auth": ("many", "many-secret")}
SEVERAL = "A token is for one API; audience and resource name several."
NOT_URI = "The target must be an absolute URI without a fragment."
NO_GRANT = "The client has no grant for this target."
NAME_IT = "Name the API the token is for, as audience or resource."
MALFORMED = "The scope is malformed: tokens are separated by one space each."


REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "two targets": ("invalid_target", SEVERAL, {"parameters": {"audience": RS, "resource": ES}}),
    "two resources": ("invalid_target", SEVERAL, {"parameters": {"resource": [RS, ES]}}),
    "relative": ("invalid_target", NOT_URI, {"parameters": {"audience": "rs.example"}}),
    "path": ("invalid_target", NOT_URI, {"parameters": {"resource": "/api"}}),
    "no URI": ("invalid_target", NOT_URI, {"parameters": {"resource": "https://["}}),
    "fragment": ("invalid_target", NOT_URI, {"parameters": {"resource": f"{RS}#a"}}),
    "empty fragment": ("invalid_target", NOT_URI, {"parameters": {"resource": f"{RS}#"}}),
    "unknown": ("invalid_target", NO_GRANT, {"parameters": {"audience": "https://who.example"}}),
    "ungranted": ("invalid_target", NO_GRANT, {"parameters": {"audience": ES}}),
    "trailing slash": ("invalid_target", NO_GRANT, {"parameters": {"audience": f"{RS}/"}}),
    "none named of several": ("invalid_target", NAME_IT, MANY),
    "none granted": ("invalid_target", NAME_IT, {"auth": ("none", "none-secret")}),
    "ungranted scope": (
        "invalid_scope",
        "The scope admin is not granted for this target.",
        {"parameters": {"scope": "read admin other"}},
    ),
    "prefix": (
        "invalid_scope",
        "The scope rea is not granted for this target.",
        {"parameters": {"scope": "rea"}},
    ),
    "tab": ("invalid_scope", MALFORMED, {"parameters": {"scope": "read\twrite"}}),
    "newline": ("invalid_scope", MALFORMED, {"parameters": {"scope": "read\nwrite"}}),
    "two spaces": ("invalid_scope", MALFORMED, {"parameters": {"scope": "read  write"}}),
    "space only": ("invalid_scope", MALFORMED, {"parameters": {"scope": " "}}),
    "quote": ("invalid_scope", MALFORMED, {"parameters": {"scope": 'adm"in'}}),
    "not ASCII": ("invalid_scope", MALFORMED, {"parameters": {"scope": "l\u00e4sen"}}),
}


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement(
    "RFC 6749 3.3 grammar",
    "RFC 6749 3.3 whole words",
    "RFC 8707 2 absolute URI",
    "RFC 8707 2 fragment",
    "RFC 8707 2 invalid_target",
    "RFC 8707 2.2 scope",
    "RFC 9068 3 ambiguous",
)
@pytest.mark.parametrize("case", REFUSED)
def test_refuses_what_is_not_granted(ask: Ask, case: str) -> None:
    error, description, options = REFUSED[case]
    response = ask(**options)
    assert response.status_code == 400
    assert response.get_json() == {"error": error, "error_description": description}
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.requirement(
    "RFC 6749 3.2 empty parameters",
    "RFC 6749 3.3 default scope",
    "RFC 8707 2 several",
    "RFC 9068 3 target",
)
@pytest.mark.parametrize(
    ("parameters", "scope"),
    [
        ({}, "read write"),
        ({"audience": RS}, "read write"),
        ({"resource": RS}, "read write"),
        ({"resource": [RS, RS], "audience": RS}, "read write"),
        ({"scope": "write"}, "write"),
        ({"scope": "write read write"}, "write read"),
        ({"scope": ""}, "read write"),
    ],
)
def test_grants_what_is_requested_within_the_grant(ask: Ask, parameters: dict[str, Any], scope: str) -> None:
    response = ask(parameters)
    assert response.status_code == 200
    assert response.get_json()["scope"] == scope


@pytest.mark.requirement("RFC 6749 3.3 whole words", "RFC 8707 2.2 scope", "RFC 9700 2.3 privileges")
@given(
    asked=st.lists(st.sampled_from(["a", "b", "c", "d"])), granted=st.sets(st.sampled_from(["a", "b", "c"]))
)
def test_never_grants_more_than_the_grant(asked: list[str], granted: set[str]) -> None:
    grant = ClientGrant(RS, tuple(granted), 60, "RS256")
    try:
        scopes = granted_scopes(" ".join(asked), grant) if asked else granted_scopes(None, grant)
    except InvalidScopeError:
        assert not set(asked) <= granted
    else:
        assert set(scopes) == (set(asked) or granted)
        assert len(scopes) == len(set(scopes))


@pytest.mark.requirement("RFC 8707 2 several")
@pytest.mark.parametrize("resource", [RS, [RS], [RS, RS]])
def test_accepts_resources_in_json(ask: Ask, resource: Any) -> None:
    assert ask(json={"grant_type": "client_credentials", "resource": resource}).status_code == 200
