"""Requests to the OAuth endpoints, as bytes, by algorithm and by method of authentication."""

import base64
import urllib.parse
from collections.abc import Iterator

from live_stack import INVOICES, Stack

from bench import refusals
from bench.load import http

EDDSA_API = "https://bench.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def prepare(stack: Stack) -> None:
    """Declare an API whose tokens are signed with EdDSA, before the stack starts."""
    api = f"\n  - {{identifier: {EDDSA_API}, name: Bench, scopes: [read], signing_alg: EdDSA}}\n"
    grant = f"\n  - {{client: payroll-report, audience: {EDDSA_API}, scopes: [read]}}\n"
    stack.edit("auth-server/tenant.yaml", "\napis:\n", f"\napis:{api}")
    stack.edit("auth-server/tenant.yaml", "\ngrants:\n", f"\ngrants:{grant}")


def audiences(stack: Stack) -> dict[str, str]:
    """Return an API for each algorithm that signs tokens."""
    return {"RS256": stack.timesheets_api, "ES256": INVOICES, "EdDSA": EDDSA_API}


def with_basic(stack: Stack, audience: str) -> bytes:
    """Return a token request with client_secret_basic."""
    form = {"grant_type": "client_credentials", "audience": audience}
    return http("POST", "/oauth/token", FORM | _basic(stack), urllib.parse.urlencode(form))


def introspection(stack: Stack) -> bytes:
    """Return a request to introspect one of the client's own tokens."""
    form = {"token": stack.token("payroll-report")}
    return http("POST", "/oauth/introspect", FORM | _basic(stack), urllib.parse.urlencode(form))


def _basic(stack: Stack) -> dict[str, str]:
    credentials = f"payroll-report:{stack.secret('payroll-report')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


def with_post(stack: Stack, audience: str) -> bytes:
    """Return a token request with client_secret_post."""
    form = {"grant_type": "client_credentials", "audience": audience}
    form |= {"client_id": "payroll-report", "client_secret": stack.secret("payroll-report")}
    return http("POST", "/oauth/token", FORM, urllib.parse.urlencode(form))


def with_assertions(stack: Stack, count: int) -> Iterator[bytes]:
    """Return token requests with private_key_jwt, each with a new assertion."""
    forms = [urllib.parse.urlencode(refusals.signed_form(stack)) for _ in range(count)]
    return iter([http("POST", "/oauth/token", FORM, form) for form in forms])
