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
    return of("payroll-report", stack.secret("payroll-report"), audience=audience)


def of(client_id: str, secret: str, **form: str) -> bytes:
    """Return a client's token request with client_secret_basic."""
    body = urllib.parse.urlencode({"grant_type": "client_credentials", **form})
    return http("POST", "/oauth/token", FORM | _basic(client_id, secret), body)


def introspection(stack: Stack) -> bytes:
    """Return a request to introspect one of the client's own tokens."""
    form = {"token": stack.token("payroll-report")}
    basic = _basic("payroll-report", stack.secret("payroll-report"))
    return http("POST", "/oauth/introspect", FORM | basic, urllib.parse.urlencode(form))


def _basic(client_id: str, secret: str) -> dict[str, str]:
    credentials = f"{client_id}:{secret}".encode()
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
