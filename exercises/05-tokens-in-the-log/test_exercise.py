"""No token is in the log, wherever a caller puts it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

Bearer = Callable[..., dict[str, str]]
LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def token(bearer: Bearer) -> str:
    return bearer()["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("query", ["access_token={}", "limit=1&access_token={}", "t={}"])
def test_a_token_in_the_address_is_not_logged(
    client: FlaskClient, token: str, log_lines: LogLines, query: str
) -> None:
    assert client.get(f"/timesheets?{query.format(token)}").status_code == 401
    logged = json.dumps(log_lines())
    assert token not in logged
    assert token.split(".")[1] not in logged


def test_a_token_in_the_header_is_not_logged(
    client: FlaskClient, bearer: Bearer, log_lines: LogLines
) -> None:
    assert client.get("/timesheets", headers=bearer()).status_code == 200
    assert "eyJ" not in json.dumps(log_lines())


def test_each_request_is_logged_with_its_path(
    client: FlaskClient, bearer: Bearer, log_lines: LogLines
) -> None:
    client.get("/timesheets?limit=1", headers=bearer())
    line = log_lines()[-1]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/timesheets", 200)
