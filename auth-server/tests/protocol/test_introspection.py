"""Token introspection (RFC 7662): what it says about a token, and who may ask about which."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.database.tables import apis
from auth_server.startup import Service
from sqlalchemy import update
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]
Issue = Callable[..., str]
LogLines = Callable[[], list[dict[str, Any]]]
ISSUER = "https://issuer.example"
RS, ES, ED = (f"https://{name}.example" for name in ("rs", "es", "ed"))
NO_STORE = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}


def assert_inactive(response: TestResponse) -> None:
    """Expect the one answer for every token that is not active (RFC 7662 2.2)."""
    assert (response.status_code, response.get_json()) == (200, {"active": False})
    assert dict(response.headers) == NO_STORE | {"Content-Length": "16"}


def decoded(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


@pytest.mark.requirement("RFC 7662 2.2 active")
def test_returns_the_claims_of_an_active_token(introspect: Ask, issue: Issue) -> None:
    """RFC 7662 2.2: a JSON object with `active`, and the members that the token has."""
    token = issue()
    response = introspect(token)
    assert response.status_code == 200
    assert dict(response.headers).items() >= NO_STORE.items()
    claims = decoded(token)
    assert response.get_json() == {
        "active": True,
        "token_type": "Bearer",
        "scope": "read write",
        "client_id": "job",
        "sub": "job",
        "aud": "https://rs.example",
        "iss": ISSUER,
        "exp": claims["exp"],
        "iat": claims["iat"],
        "jti": claims["jti"],
    }


def test_returns_the_claims_that_actions_have_added(introspect: Ask, issue: Issue, tmp_path: Path) -> None:
    (tmp_path / "actions/a.py").write_text(
        "def on_execute_credentials_exchange(event, api):\n"
        "    api.access_token.set_custom_claim('https://a.example/b', [1])\n"
    )
    assert introspect(issue()).get_json()["https://a.example/b"] == [1]


@pytest.mark.requirement("RFC 7662 2.1 hint")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "https://a.example/unknown", "\u00fc"])
def test_finds_the_token_whatever_the_hint(introspect: Ask, issue: Issue, hint: str) -> None:
    """RFC 7662 2.1: a server that does not find the token by the hint MUST search all its types."""
    assert introspect(issue(), token_type_hint=hint).get_json()["active"] is True


def test_a_client_may_ask_about_its_own_tokens(introspect: Ask, issue: Issue) -> None:
    assert introspect(issue(), who="job").get_json()["active"] is True


@pytest.mark.requirement("RFC 7662 2.2 inactive")
def test_a_client_may_not_ask_about_tokens_of_others(
    introspect: Ask, issue: Issue, log_lines: LogLines
) -> None:
    """RFC 7662 2.2 and 4: a client that may not know about the token MUST be told that it is not active."""
    token = issue()
    assert_inactive(introspect(token, who="many"))
    line = log_lines()[-1]
    assert (line["message"], line["active"]) == ("token introspected", False)
    assert line["reason"] == "this client may not ask about it"


@pytest.mark.requirement("RFC 7662 2.2 inactive")
def test_an_api_may_not_ask_about_tokens_for_another_api(introspect: Ask, issue: Issue) -> None:
    """RFC 7662 4: MUST determine whether the token can be used where the call comes from."""
    assert_inactive(introspect(issue("many", audience=ES)))
    assert introspect(issue("many", audience=RS)).get_json()["active"] is True


def test_a_permission_that_the_tenant_withdraws_is_gone_at_once(
    introspect: Ask, issue: Issue, service: Service
) -> None:
    token = issue()
    with service.engine.begin() as connection:
        connection.execute(update(apis).values(introspected_by=None))
    assert_inactive(introspect(token))


def test_a_gateway_beside_the_api_may_ask_with_a_credential_of_its_own(
    introspect: Ask, issue: Issue, service: Service
) -> None:
    token = issue()
    assert_inactive(introspect(token, who="none"))
    with service.engine.begin() as connection:
        connection.execute(update(apis).values(introspected_by=["api", "none"]))
    for who in ("api", "none", "job"):
        assert introspect(token, who=who).get_json()["active"] is True
    assert_inactive(introspect(token, who="many"))
