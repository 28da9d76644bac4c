"""Any request to the OAuth endpoints: no 5xx, errors as in RFC 6749, a challenge in every 401."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

ERRORS = {
    "invalid_request",
    "invalid_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
}
# RFC 6749 5.2: %x20-21 / %x23-5B / %x5D-7E
DESCRIPTION = {chr(code) for code in range(0x20, 0x7F)} - {'"', "\\"}

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KNOWN = {
    "grant_type": ["client_credentials", "password"],
    "client_id": ["job", "many", "bot", "off"],
    "client_secret": ["job-secret", "many-secret"],
    "client_assertion_type": [ASSERTION_TYPE],
    "client_assertion": ["e30.e30.", "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJib3QiLCJzdWIiOiJib3QifQ.AAAA"],
    "scope": ["read", "read write", "admin", " "],
    "audience": ["https://rs.example", "https://es.example", "#", "http://["],
    "resource": ["https://rs.example", "urn:a:b"],
    "token": ["e30.e30.", "a"],
    "token_type_hint": ["access_token", "refresh_token"],
}
ANSWERS = {
    "/oauth/token": {"access_token", "token_type", "expires_in", "scope"},
    "/oauth/introspect": {"active"},
    "/oauth/revoke": set[str](),
}
paths = st.sampled_from(sorted(ANSWERS))
text = st.text(max_size=30)
names = st.one_of(st.sampled_from(sorted(KNOWN)), text)
values = st.one_of(st.sampled_from(sorted(value for some in KNOWN.values() for value in some)), text)
json_values = st.recursive(
    st.one_of(values, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=5,
)


@st.composite
def parameters(draw: st.DrawFn, value: st.SearchStrategy[Any] = values) -> list[tuple[str, Any]]:
    """Draw parameters of which some are valid."""
    some = draw(st.lists(st.sampled_from(sorted(KNOWN)), unique=True))
    right = [(name, draw(st.sampled_from(KNOWN[name]))) for name in some]
    return right + draw(st.lists(st.tuples(names, value), max_size=2))


authorizations = st.one_of(
    st.none(),
    st.sampled_from(["Basic", "Bearer abc", "Basic am9iOmpvYi1zZWNyZXQ=", "Basic a, Basic b"]),
    st.binary(max_size=30).map(lambda user_pass: "Basic " + base64.b64encode(user_pass).decode()),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30),
)
content_types = st.one_of(
    st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/json",
            "multipart/form-data; boundary=x",
            "",
        ]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30),
)
thorough = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_rfc_6749(response: TestResponse) -> None:
    assert response.status_code < 500
    assert response.content_type == "application/json"
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    body = response.get_json()
    if response.status_code == 200:
        assert body.keys() == ANSWERS[response.request.path]
        return
    assert body.keys() == {"error", "error_description"}
    assert body["error"] in ERRORS
    assert set(body["error_description"]) <= DESCRIPTION
    assert (response.status_code == 401) == (body["error"] == "invalid_client")
    challenge = (
        'Basic realm="https://issuer.example", charset="UTF-8"' if response.status_code == 401 else None
    )
    assert response.headers.get("WWW-Authenticate") == challenge


def send(
    client: FlaskClient, path: str, body: bytes | str, content_type: str, authorization: str | None
) -> TestResponse:
    headers = Headers({"Content-Type": content_type})
    if authorization is not None:
        headers["Authorization"] = authorization
    return client.post(path, data=body, headers=headers)


@pytest.mark.fuzz
@thorough
@given(pairs=parameters(), authorization=authorizations, path=paths)
def test_any_form(
    client: FlaskClient, pairs: list[tuple[str, str]], authorization: str | None, path: str
) -> None:
    form = urlencode([(name, value.encode(errors="surrogatepass")) for name, value in pairs])
    assert_rfc_6749(send(client, path, form, "application/x-www-form-urlencoded", authorization))


@pytest.mark.fuzz
@thorough
@given(pairs=parameters(json_values), authorization=authorizations, path=paths)
def test_any_json(
    client: FlaskClient, pairs: list[tuple[str, Any]], authorization: str | None, path: str
) -> None:
    assert_rfc_6749(send(client, path, json.dumps(dict(pairs)), "application/json", authorization))


@pytest.mark.fuzz
@thorough
@given(body=st.binary(max_size=200), content_type=content_types, authorization=authorizations, path=paths)
def test_any_bytes(
    client: FlaskClient, body: bytes, content_type: str, authorization: str | None, path: str
) -> None:
    assert_rfc_6749(send(client, path, body, content_type, authorization))
