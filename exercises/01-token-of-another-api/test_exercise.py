"""The Timesheets API serves tokens for itself, and no others."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

OURS = "http://localhost:9001"
INVOICES = "https://invoices.exampleco.example"
Bearer = Callable[..., dict[str, str]]


@pytest.mark.parametrize("aud", [INVOICES, [INVOICES], [INVOICES, "https://payroll.exampleco.example"]])
def test_refuses_a_token_for_another_api(client: FlaskClient, bearer: Bearer, aud: Any) -> None:
    response = client.get("/timesheets", headers=bearer(aud=aud))
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("aud", [None, "", [], 7, [OURS, 7]])
def test_refuses_a_token_for_no_api_or_a_malformed_one(client: FlaskClient, bearer: Bearer, aud: Any) -> None:
    assert client.get("/timesheets", headers=bearer(aud=aud)).status_code == 401


@pytest.mark.parametrize("aud", [OURS, [OURS], [INVOICES, OURS]])
def test_serves_a_token_for_this_api(client: FlaskClient, bearer: Bearer, aud: Any) -> None:
    assert client.get("/timesheets", headers=bearer(aud=aud)).status_code == 200
