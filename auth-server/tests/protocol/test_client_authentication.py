"""Client authentication: one answer for every reason to refuse."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from auth_server.startup import Service
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]


def basic(user_pass: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(user_pass).decode()}


POST = {"client_id": "job", "client_secret": "job-secret"}

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("no credential", {}),
    "id alone": ("no credential", {"parameters": {"client_id": "job"}}),
    "unknown client": ("unknown client", {"auth": ("who", "job-secret")}),
    "wrong secret": ("wrong secret", {"auth": ("job", "wrong")}),
    "another's secret": ("wrong secret", {"auth": ("job", "many-secret")}),
    "secret of a client with a key": (
        "a secret, but the client is registered with a key",
        {"auth": ("bot", "wrong")},
    ),
    "posted secret of a client with a key": (
        "a secret, but the client is registered with a key",
        {"parameters": POST | {"client_id": "bot"}},
    ),
    "not form-encoded": (
        "the right secret, but not form-encoded before Basic (RFC 6749 2.3.1)",
        {"headers": basic("a%2Bb+%25c%3Ad:s+e c%r:t ü".encode())},
    ),
    "disabled": ("disabled client", {"auth": ("off", "off-secret")}),
    "posted unknown": ("unknown client", {"parameters": POST | {"client_id": "who"}}),
    "posted wrong": ("wrong secret", {"parameters": POST | {"client_secret": "wrong"}}),
    "posted without id": ("a client_secret without a client_id", {"parameters": {"client_secret": "s"}}),
    "impossible id": ("a client_id that cannot exist", {"auth": ("j\u00f6b", "job-secret")}),
    "NUL": ("a client_id that cannot exist", {"headers": basic(b"job\0:job-secret")}),
    "Bearer": ("the Authorization scheme is not Basic", {"headers": {"Authorization": "Bearer abc"}}),
    "Digest": (
        "the Authorization scheme is not Basic",
        {"headers": {"Authorization": 'Digest username="job", realm="a"'}},
    ),
    "scheme only": ("Basic credentials without an id or a secret", {"headers": {"Authorization": "Basic"}}),
    "empty": ("Basic credentials without an id or a secret", {"headers": {"Authorization": "Basic "}}),
    "not base64": ("malformed Basic credentials", {"headers": {"Authorization": "Basic ????"}}),
    "no padding": ("malformed Basic credentials", {"headers": {"Authorization": "Basic am9iOmpvYg"}}),
    "not UTF-8": ("malformed Basic credentials", {"headers": basic(b"job:\xff")}),
    "escapes not UTF-8": ("malformed Basic credentials", {"headers": basic(b"job:%ff")}),
    "no colon": ("Basic credentials without an id or a secret", {"headers": basic(b"job")}),
    "no id": ("Basic credentials without an id or a secret", {"headers": basic(b":job-secret")}),
    "no secret": ("Basic credentials without an id or a secret", {"headers": basic(b"job:")}),
}


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement(
    "RFC 6749 2.2 not alone",
    "RFC 6749 2.3.2 registered method",
    "RFC 6749 3.2.1 authentication",
    "RFC 6749 4.4 confidential",
    "RFC 6749 5.2 challenge",
    "RFC 9110 11.2 parameters",
    "RFC 9110 11.6.1 challenge",
    "RFC 9700 2.5 authentication",
)
@pytest.mark.parametrize("case", REFUSED)
def test_answers_the_same_for_every_reason_and_logs_the_true_one(
    ask: Ask, log_lines: LogLines, case: str
) -> None:
    reason, options = REFUSED[case]
    response = ask(**({"auth": None} | options))
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }
    assert dict(response.headers) == {
        "Content-Type": "application/json",
        "Content-Length": "78",
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "WWW-Authenticate": 'Basic realm="https://issuer.example", charset="UTF-8"',
    }
    (line,) = log_lines()
    assert (line["message"], line["error"], line["reason"]) == ("token refused", "invalid_client", reason)


@pytest.mark.requirement("RFC 6749 2.3.1 Basic", "RFC 9110 11.1 scheme")
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_accepts_the_scheme_in_any_case(ask: Ask, scheme: str) -> None:
    credentials = base64.b64encode(b"job:job-secret").decode()
    assert ask(auth=None, headers={"Authorization": f"{scheme} {credentials}"}).status_code == 200


@pytest.mark.requirement("RFC 6749 2.3.1 in the body")
def test_accepts_the_credentials_in_a_form_or_in_json(ask: Ask) -> None:
    assert ask(POST, auth=None).status_code == 200
    assert ask(auth=None, json=POST | {"grant_type": "client_credentials"}).status_code == 200


def test_accepts_either_of_two_live_secrets(ask: Ask) -> None:
    for secret in ("many-secret", "many-next-secret"):
        assert ask({"audience": "https://rs.example"}, auth=("many", secret)).status_code == 200


def test_refuses_the_client_id_of_another_client_beside_basic(ask: Ask) -> None:
    response = ask({"client_id": "many"})
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_request",
        "error_description": "The client_id is not that of the authenticated client.",
    }


def test_logs_no_id_that_might_be_a_secret(ask: Ask, log_lines: LogLines) -> None:
    ask(auth=("A" * 43, "x"))
    ask(auth=("j\u00f6b", "x"))
    ask(auth=("who", "x"))
    assert [line.get("client_id") for line in log_lines()] == [None, None, "who"]


@pytest.mark.fuzz
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(user_pass=st.binary(max_size=60))
def test_never_fails_on_basic_credentials(ask: Ask, user_pass: bytes) -> None:
    assert ask(auth=None, headers=basic(user_pass)).status_code == 401
