"""Failed authentications are counted per client id and address; a right credential is always accepted."""

from collections.abc import Callable
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.startup import Service
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Start = Callable[[dict[str, str]], Service]
LogLines = Callable[[], list[dict[str, Any]]]
GOOD = {"grant_type": "client_credentials"}


def ask(
    client: FlaskClient, who: str, secret: str, address: str = "192.0.2.1", **headers: str
) -> TestResponse:
    return client.post(
        "/oauth/token",
        data=GOOD,
        auth=(who, secret),
        headers=headers,
        environ_overrides={"REMOTE_ADDR": address},
    )


@pytest.fixture
def limited(environ: dict[str, str], start: Start) -> FlaskClient:
    settings = {"FAILED_LOGINS_PER_MINUTE": "3", "TRUSTED_PROXIES": "10.0.0.0/8, ::1"}
    return create_app(start(environ | settings)).test_client()


@pytest.mark.requirement("RFC 6749 2.3.1 guessing", "RFC 9110 10.2.3 Retry-After")
@pytest.mark.parametrize("who", ["job", "unknown", "off", "bot"])
def test_answers_429_to_the_failing_request_above_the_limit(
    limited: FlaskClient, log_lines: LogLines, who: str
) -> None:
    assert [ask(limited, who, "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
    response = ask(limited, who, "wrong")
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Too many failed authentications. Try again later.",
    }
    assert dict(response.headers) == {
        "Content-Type": "application/json",
        "Content-Length": "98",
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "Retry-After": response.headers["Retry-After"],
    }
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert log_lines()[-1]["reason"].endswith("; too many failed authentications")


def test_always_accepts_a_right_credential(limited: FlaskClient) -> None:
    for _ in range(5):
        ask(limited, "job", "wrong")
    assert ask(limited, "job", "job-secret").status_code == 200
    assert ask(limited, "job", "wrong").status_code == 429


def test_counts_each_client_id_and_each_address_separately(limited: FlaskClient) -> None:
    for _ in range(4):
        ask(limited, "job", "wrong")
    assert ask(limited, "job", "wrong").status_code == 429
    assert ask(limited, "many", "wrong").status_code == 401
    assert ask(limited, "job", "wrong", "192.0.2.2").status_code == 401


def test_counts_ids_that_cannot_exist_as_one(limited: FlaskClient) -> None:
    statuses = [ask(limited, f"{number}" * 129, "wrong").status_code for number in range(4)]
    assert statuses == [401, 401, 401, 429]


def test_counts_by_the_address_that_a_trusted_proxy_reports(limited: FlaskClient) -> None:
    for number in range(5):
        forged = {"X-Forwarded-For": f"198.51.100.{number}"}
        direct = ask(limited, "job", "wrong", "192.0.2.1", **forged)
        proxied = ask(limited, "job", "wrong", "10.1.1.1", **forged)
    assert (direct.status_code, proxied.status_code) == (429, 401)


@pytest.mark.parametrize("limit", ["0", "100"])
def test_the_limit_can_be_turned_off(environ: dict[str, str], start: Start, limit: str) -> None:
    client = create_app(start(environ | {"FAILED_LOGINS_PER_MINUTE": limit})).test_client()
    statuses = [ask(client, "job", "wrong").status_code for _ in range(101)]
    assert statuses == [401] * 100 + [401 if limit == "0" else 429]
