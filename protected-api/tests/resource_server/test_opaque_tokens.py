"""Opaque tokens: what the authorization server says of a token decides, at each request."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.resource_server.access_token import AccessToken, Policy, verify
from protected_api.resource_server.opaque_tokens import COST, opaque_checks
from protected_api.resource_server.refusals import RefusalError, UnavailableError
from protected_api.settings import Settings

NOW = 1_800_000_000
API = "http://localhost:9001"
TOKEN = "c8Z5nWJzJZFdBVZpGlxR5b6rx49qYRM96Lp3JBqtu5cBT0Bl"
PROOF = ("access-token-proof", "Nothing proves that the token is an access token.")
REQUIRED = ("required-claims", "The authorization server does not say who may do what with the token.")
ISSUER = ("introspected", "The token is from another issuer.")
AUDIENCE = ("audience", "The token is for another audience.")


@pytest.fixture
def answer(policy: Policy) -> dict[str, Any]:
    """Return an introspection response for an access token."""
    return {
        "active": True,
        "iss": policy.issuer,
        "aud": [API],
        "client_id": "import-job",
        "scope": "read:timesheets",
        "token_type": "Bearer",
        "iat": NOW + 0.5,
        "exp": NOW + 300.5,
    }


def test_serves_what_the_server_calls_an_active_access_token(answer: dict[str, Any], policy: Policy) -> None:
    token = verify(AccessToken(TOKEN), policy, opaque_checks(lambda _: answer))
    assert (token.client_id, token.scope) == ("import-job", ["read:timesheets"])


@pytest.mark.parametrize("token_type", ["bearer", "DPoP"])
def test_takes_either_type_of_token_in_any_case(
    answer: dict[str, Any], policy: Policy, token_type: str
) -> None:
    answer["token_type"] = token_type
    assert verify(AccessToken(TOKEN), policy, opaque_checks(lambda _: answer)).client_id == "import-job"


@pytest.mark.parametrize("absent", ["iss", "exp", "iat", "scope"])
def test_needs_nothing_else_of_the_answer(answer: dict[str, Any], policy: Policy, absent: str) -> None:
    del answer[absent]
    assert verify(AccessToken(TOKEN), policy, opaque_checks(lambda _: answer)).client_id == "import-job"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"active": False}, ("introspected", "The token is not active.")),
        ({"iss": "https://another.example"}, ISSUER),
        ({"iss": None}, ISSUER),
        ({"aud": "https://another.example"}, AUDIENCE),
        ({"aud": None}, AUDIENCE),
        ({"exp": NOW - 61}, ("times", "The token has expired.")),
        ({"exp": "never"}, ("times", "A time in the token is not a number of seconds.")),
        ({"token_type": None}, PROOF),  # such as a refresh token
        ({"token_type": "refresh_token"}, PROOF),
        ({"token_type": "id_token"}, PROOF),
        ({"token_type": ["Bearer"]}, PROOF),
        ({"client_id": None}, REQUIRED),
        ({"client_id": ""}, REQUIRED),
        ({"client_id": "import\njob"}, REQUIRED),
        ({"scope": ["read:timesheets"]}, REQUIRED),
        ({"client_id": "another"}, ("client-allowed", "The client of the token is not allowed.")),
    ],
)
def test_refuses_any_other_token(
    answer: dict[str, Any], policy: Policy, changes: dict[str, Any], refusal: tuple[str, str]
) -> None:
    checks = opaque_checks(lambda _: answer | changes, ["import-job"])
    with pytest.raises(RefusalError) as refused:
        verify(AccessToken(TOKEN), policy, checks)
    assert (refused.value.check, str(refused.value)) == refusal
    assert refused.value.status == 401
    assert refused.value.challenge == {"error": "invalid_token", "error_description": refusal[1]}


@pytest.mark.parametrize("failure", [OSError("connection refused"), ValueError("HTTP status 401")])
def test_serves_nothing_while_the_server_does_not_say(policy: Policy, failure: Exception) -> None:
    def answer(_: str) -> dict[str, Any]:
        raise failure

    with pytest.raises(UnavailableError, match=str(failure)) as unavailable:
        verify(AccessToken(TOKEN), policy, opaque_checks(answer))
    assert unavailable.value.check == "introspected"


def test_does_not_ask_about_a_token_that_is_too_long(policy: Policy) -> None:
    with pytest.raises(RefusalError, match="longer than 4096 characters"):
        verify(AccessToken("x" * 4097), policy, opaque_checks(lambda _: pytest.fail("asked")))


@pytest.fixture
def opaque(fresh_settings: Settings) -> FlaskClient:
    """Return a client of an API that takes opaque tokens."""
    return create_app(replace(fresh_settings, profile="opaque")).test_client()


@pytest.mark.requirement("RFC 7662 4 cache")
def test_asks_at_every_request(opaque: FlaskClient, issuer: Any, answer: dict[str, Any]) -> None:
    issuer.introspection = answer | {"exp": issuer.claims()["exp"], "iat": issuer.claims()["iat"]}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert [opaque.get("/timesheets", headers=headers).status_code for _ in range(2)] == [200, 200]
    issuer.introspection = {"active": False}
    assert opaque.get("/timesheets", headers=headers).status_code == 401
    issuer.introspection = b"?"
    assert opaque.get("/timesheets", headers=headers).status_code == 503
    assert [form["token"] for _, form, _ in issuer.introspected] == [TOKEN] * 4


def test_the_log_says_what_that_costs(fresh_settings: Settings) -> None:
    app = create_app(replace(fresh_settings, profile="opaque"))
    assert app.extensions["warnings"] == [f"TOKEN_PROFILE=opaque {COST}"]


def test_takes_jwts_of_the_default_profile_no_more(
    opaque: FlaskClient, issuer: Any, bearer: Callable[..., dict[str, str]]
) -> None:
    issuer.introspection = {"active": False}
    assert opaque.get("/timesheets", headers=bearer()).status_code == 401
