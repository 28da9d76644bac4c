"""Parameters that look like ours: ignored as the RFC says, named in the log, and refused by a setting."""

from collections.abc import Callable
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.protocol.misspelt_parameters import misspelt
from auth_server.protocol.request_body import PARAMETERS
from auth_server.startup import Service
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]
GRANT = {"grant_type": "client_credentials"}

MISSPELT = {
    "scopes": "scope",
    "Scope": "scope",
    "scope[]": "scope",
    "audiences": "audience",
    "AUDIENCE": "audience",
    "resources": "resource",
    "resource[]": "resource",
    "grant-type": "grant_type",
    "grantType": "grant_type",
    "grant type": "grant_type",
    "GrantTypes": "grant_type",
    "clientId": "client_id",
    "client.secret": "client_secret",
    "ClientAssertionType": "client_assertion_type",
    "tokenTypeHint": "token_type_hint",
}
OTHERS = [
    *PARAMETERS,
    "organization",
    "login_hint",
    "aud",
    "scop",
    "scope2",
    "s",
    "",
    "scope\n",
    "scópe",
    "-" * 41,
]


@pytest.mark.parametrize("name", MISSPELT)
def test_recognises_another_spelling(name: str) -> None:
    assert list(misspelt([name])) == [f"{name}; did you mean {MISSPELT[name]}?"]


@pytest.mark.parametrize("name", OTHERS)
def test_lets_other_names_be(name: str) -> None:
    assert list(misspelt([name])) == []


@pytest.mark.requirement("RFC 6749 5.2 characters")
@given(name=st.text(max_size=60))
def test_names_nothing_that_a_log_or_an_error_description_must_not_have(name: str) -> None:
    for hint in misspelt([name]):
        assert len(name) <= 40
        assert hint.isprintable()
        assert hint.isascii()
        assert not {'"', "\\"} & set(hint)


def test_a_misspelt_parameter_is_ignored_and_named_in_the_log(ask: Ask, log_lines: LogLines) -> None:
    response = ask({"scopes": "read", "resources": "https://es.example"})
    assert (response.status_code, response.get_json()["scope"]) == (200, "read write")
    line = log_lines()[-1]
    assert line["message"] == "token issued"
    assert line["ignored"] == "scopes; did you mean scope? resources; did you mean resource?"


def test_the_log_of_a_refusal_names_it_too(ask: Ask, log_lines: LogLines) -> None:
    assert ask({"audiences": "https://rs.example", "scope": "admin"}).status_code == 400
    line = log_lines()[-1]
    assert (line["message"], line["ignored"]) == ("token refused", "audiences; did you mean audience?")


@pytest.mark.parametrize("value", ["read", ["read"], {"a": 1}, 1, True])
def test_names_it_in_json_whatever_its_value_is(ask: Ask, log_lines: LogLines, value: Any) -> None:
    assert ask(json={**GRANT, "scopes": value}).status_code == 200
    assert log_lines()[-1]["ignored"] == "scopes; did you mean scope?"


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_one_counts_as_absent(ask: Ask, log_lines: LogLines, value: Any) -> None:
    assert ask(json={**GRANT, "scopes": value}).status_code == 200
    assert "ignored" not in log_lines()[-1]


def test_says_nothing_of_parameters_that_look_like_none_of_ours(ask: Ask, log_lines: LogLines) -> None:
    assert ask({"organization": "a"}).status_code == 200
    assert "ignored" not in log_lines()[-1]


@pytest.fixture
def strict(environ: dict[str, str], start: Callable[[dict[str, str]], Service]) -> FlaskClient:
    """Return a client of a server that refuses misspelt parameters."""
    return create_app(start(environ | {"REFUSE_MISSPELT_PARAMETERS": "1"})).test_client()


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke"])
def test_a_setting_refuses_it_and_names_it(strict: FlaskClient, path: str) -> None:
    form = {**GRANT, "token": "a", "scopes": "read"}
    response = strict.post(path, data=form, auth=("job", "job-secret"))
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_request",
        "error_description": "There is no parameter scopes; did you mean scope?",
    }


@pytest.mark.requirement("RFC 6749 3.2 unknown parameters")
def test_the_setting_still_ignores_other_unknown_parameters(strict: FlaskClient) -> None:
    form = {**GRANT, "organization": "a"}
    assert strict.post("/oauth/token", data=form, auth=("job", "job-secret")).status_code == 200
