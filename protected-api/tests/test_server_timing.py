"""With EXPLAIN=1, and only then, each answer names the checks that were made and why the last one failed."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.resource_server.access_token import CHECKS
from protected_api.settings import Settings
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

Bearer = Callable[..., dict[str, str]]

ALL = [check.__name__.replace("_", "-") for check in CHECKS]
TO_KID = ALL[: ALL.index("kid-known")]
NO_KEY = "The token names no key of the issuer."
INACTIVE = "The token is not active any more."


@pytest.fixture
def app(fresh_settings: Settings) -> Flask:
    app = create_app(replace(fresh_settings, explain=True))
    app.extensions["keys"].refresh()
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def explanation(response: TestResponse) -> list[str | tuple[str, str]]:
    """Return the name of each metric in the header, with its description if it has one."""
    metric = re.compile(r'([a-z.-]+);dur=[0-9]+\.[0-9]{3}(?:;desc="((?:[^"\\]|\\.)*)")?(?:, |$)')
    header = response.headers["Server-Timing"]
    assert "".join(match[0] for match in metric.finditer(header)) == header
    return [(match[1], match[2]) if match[2] else match[1] for match in metric.finditer(header)]


@pytest.fixture
def explain(client: FlaskClient, bearer: Bearer) -> Callable[..., list[str | tuple[str, str]]]:
    """Return a function that explains a read with a token of these claims."""
    return lambda **claims: explanation(client.get("/timesheets", headers=bearer(**claims)))


def test_names_every_check_of_a_token_in_its_order(explain: Callable[..., Any]) -> None:
    assert explain() == ["presenting", *ALL, "scope"]


def test_shows_that_only_the_key_and_times_of_a_remembered_token_are_checked(
    client: FlaskClient, bearer: Bearer
) -> None:
    headers = bearer()
    client.get("/timesheets", headers=headers)
    again = client.get("/timesheets", headers=headers)
    assert explanation(again) == ["presenting", "remembered", "times", "scope"]


@pytest.mark.parametrize(
    ("claims", "passed", "failed"),
    [
        ({"aud": "x"}, ALL[: ALL.index("audience")], ("audience", "The token is for another audience.")),
        ({"exp": 0}, ALL[: ALL.index("times")], ("times", "The token has expired.")),
        ({"scope": "x"}, ALL, ("scope", "The token lacks the scope read:timesheets.")),
    ],
)
def test_ends_with_the_check_that_failed_and_the_reason_that_the_log_has(
    explain: Callable[..., Any], caplog: pytest.LogCaptureFixture, claims: Any, passed: Any, failed: Any
) -> None:
    with caplog.at_level(logging.INFO):
        assert explain(**claims) == ["presenting", *passed, failed]
    [logged] = [vars(record) for record in caplog.records if "check" in vars(record)]
    assert (logged["check"], logged["reason"]) == failed


def test_explains_what_is_wrong_with_how_a_token_is_presented(client: FlaskClient) -> None:
    reason = "A token is required: Authorization, scheme Bearer."
    assert explanation(client.get("/timesheets")) == [("presenting", reason)]


def test_shows_a_fetch_of_keys_before_the_check_that_waited_for_it(
    client: FlaskClient, issuer: Any, bearer: Bearer
) -> None:
    unknown = {"Authorization": f"Bearer {issuer.token({'kid': 'unknown'})}"}
    fetched = ("call.jwks", f"GET {issuer.jwks_uri} 200")
    first = client.get("/timesheets", headers=unknown)
    assert explanation(first) == ["presenting", *TO_KID, fetched, ("kid-known", NO_KEY)]
    braked = client.get("/timesheets", headers=unknown)
    assert explanation(braked) == ["presenting", *TO_KID, ("kid-known", NO_KEY)]
    assert explanation(client.get("/timesheets", headers=bearer())) == ["presenting", *ALL, "scope"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda _: Response(status=503), "503"),
        (b"<html>", "Expecting value: line 1 column 1 (char 0)"),
        ([], "200"),  # an answer, though not a key set
    ],
)
def test_shows_the_outcome_of_a_fetch(client: FlaskClient, issuer: Any, answer: Any, outcome: str) -> None:
    issuer.key_set = answer
    unknown = {"Authorization": f"Bearer {issuer.token({'kid': 'unknown'})}"}
    told = explanation(client.get("/timesheets", headers=unknown))
    assert told[-2] == ("call.jwks", f"GET {issuer.jwks_uri} {outcome}")


def approving(bearer: Bearer) -> dict[str, str]:
    return bearer(scope="approve:timesheets")


def test_names_the_introspection_before_the_fresh_check(
    client: FlaskClient, issuer: Any, bearer: Bearer
) -> None:
    asked = ("call.introspection", f"POST {issuer.url}/introspect 200")
    active = client.get("/approvals", headers=approving(bearer))
    assert explanation(active) == ["presenting", *ALL, "scope", asked, "fresh"]
    issuer.introspection = {"active": False}
    inactive = client.get("/approvals", headers=approving(bearer))
    assert explanation(inactive)[-2:] == [asked, ("fresh", INACTIVE)]


def test_names_the_calls_for_metadata_without_their_query(
    fresh_settings: Settings, issuer: Any, bearer: Bearer
) -> None:
    issuer.metadata["introspection_endpoint"] += "?secret=1"
    app = create_app(replace(fresh_settings, jwks_uri=None, introspection_url=None, explain=True))
    metadata = ("call.metadata", f"GET {issuer.url}/.well-known/oauth-authorization-server 200")
    assert explanation(app.test_client().get("/approvals", headers=approving(bearer))) == [
        *("presenting", *TO_KID, metadata, ("call.jwks", f"GET {issuer.jwks_uri} 200")),
        *(*ALL[ALL.index("kid-known") :], "scope"),
        *(metadata, ("call.introspection", f"POST {issuer.url}/introspect 200"), "fresh"),
    ]


def test_explains_a_503(client: FlaskClient, issuer: Any, bearer: Bearer) -> None:
    issuer.introspection = lambda _: Response(status=500)
    response = client.get("/approvals", headers=approving(bearer))
    assert response.status_code == 503
    asked = ("call.introspection", f"POST {issuer.url}/introspect 500")
    assert explanation(response)[-2:] == [asked, ("fresh", "HTTP status 500")]


def test_quotes_what_a_header_cannot_hold(fresh_settings: Settings, bearer: Bearer) -> None:
    missing = replace(fresh_settings, client_secret_file='/no"such\\\u00fcfile', explain=True)
    response = create_app(missing).test_client().get("/approvals", headers=approving(bearer))
    assert explanation(response)[-1][1].endswith("""directory: '/no\\"such\\\\\\\\?file'""")


def test_explains_nothing_on_routes_without_a_token(client: FlaskClient) -> None:
    for path in ("/healthz", "/readyz", "/nothing", "/.well-known/oauth-protected-resource"):
        assert "Server-Timing" not in client.get(path).headers


def test_explains_nothing_unless_it_is_switched_on(fresh_client: FlaskClient, bearer: Bearer) -> None:
    assert "Server-Timing" not in fresh_client.get("/approvals", headers=approving(bearer)).headers
    assert "Server-Timing" not in fresh_client.get("/approvals").headers
