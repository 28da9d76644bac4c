"""A route is served to tokens that have its scope, as a whole word."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

Bearer = Callable[..., dict[str, str]]
OTHERS = [
    "read:timesheets-summary",
    "pre-read:timesheets",
    "batch:upload xread:timesheets",
    "READ:TIMESHEETS",
]


@pytest.mark.parametrize("scope", OTHERS)
def test_refuses_a_scope_that_only_contains_or_resembles_the_right_one(
    client: FlaskClient, bearer: Bearer, scope: str
) -> None:
    response = client.get("/timesheets", headers=bearer(scope=scope))
    assert response.status_code == 403
    challenge = response.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="read:timesheets"' in challenge


@pytest.mark.parametrize("scope", [None, "", "batch:upload"])
def test_refuses_a_token_without_the_scope(client: FlaskClient, bearer: Bearer, scope: str | None) -> None:
    assert client.get("/timesheets", headers=bearer(scope=scope)).status_code == 403


@pytest.mark.parametrize("scope", ["read:timesheets", "batch:upload read:timesheets", "read:timesheets a:b"])
def test_serves_a_token_with_the_scope(client: FlaskClient, bearer: Bearer, scope: str) -> None:
    assert client.get("/timesheets", headers=bearer(scope=scope)).status_code == 200
