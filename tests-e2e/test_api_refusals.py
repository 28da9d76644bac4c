"""What the Timesheets API refuses, with tokens of the real authorization server."""

import base64
import json
from collections.abc import Callable

import pytest
from live_stack import INVOICES, Stack, eventually


def tampered(token: str) -> str:
    """Return the token with one more scope in its payload, and the signature as it was."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["scope"] += " batch:upload"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def test_a_missing_token_gets_a_bare_challenge_that_names_the_metadata(stack: Stack) -> None:
    refused = stack.api("GET", "/timesheets")
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert "error=" not in challenge
    assert 'scope="read:timesheets"' in challenge
    assert f'resource_metadata="{stack.timesheets_api}/.well-known/oauth-protected-resource"' in challenge


BAD_TOKENS: dict[str, Callable[[Stack], str]] = {
    "malformed": lambda _: "not.a.token",
    "tampered": lambda stack: tampered(stack.token("payroll-report")),
    "for another audience": lambda stack: stack.token("payroll-report", audience=INVOICES),
}


@pytest.mark.parametrize("which", BAD_TOKENS)
def test_refuses_a_bad_token(stack: Stack, which: str) -> None:
    token = BAD_TOKENS[which](stack)
    refused = stack.api("GET", "/timesheets", token)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_refuses_a_token_once_it_has_expired(stack: Stack) -> None:
    token = stack.token(
        "gallery-short"
    )  # it lives two seconds, and the API allows for two more of clock skew
    assert stack.api("GET", "/timesheets", token).status_code == 200

    def refusal() -> int | None:
        status = stack.api("GET", "/timesheets", token).status_code
        return None if status == 200 else status

    assert eventually(refusal, "the token expires", seconds=10) == 401


def test_refuses_a_scope_too_small_for_the_route(stack: Stack) -> None:
    refused = stack.api("POST", "/timesheets/upload", stack.token("payroll-report"), json={})
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="batch:upload"' in refused.headers["WWW-Authenticate"]
