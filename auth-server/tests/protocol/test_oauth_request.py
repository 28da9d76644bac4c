"""The request itself, which is checked before any credential."""

from typing import Any

import pytest
from auth_server.startup import Service
from authlib.consts import default_json_headers
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
G = "grant_type=client_credentials"
JOB = "am9iOmpvYi1zZWNyZXQ="
CONTENT_TYPE = "The content type must be application/x-www-form-urlencoded or application/json."
TWICE = "A parameter is sent more than once."
UNREADABLE = "The body has a NUL or half a surrogate pair."
QUERY = "Parameters belong in the body, not in the query string."
BAD_FORM, BAD_JSON = "The form is malformed.", "The JSON is malformed."


REFUSALS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "no content type": (415, CONTENT_TYPE, {"data": G, "content_type": None}),
    "multipart": (415, CONTENT_TYPE, {"data": G, "content_type": "multipart/form-data"}),
    "text": (415, CONTENT_TYPE, {"data": G, "content_type": "text/plain"}),
    "too large": (413, "The body is larger than 65536 bytes.", {"data": b"a" * 70000, "content_type": FORM}),
    "bad escape": (400, BAD_FORM, {"data": "scope=%zz", "content_type": FORM}),
    "cut escape": (400, BAD_FORM, {"data": "scope=%2", "content_type": FORM}),
    "raw bytes": (400, "The body is not UTF-8.", {"data": b"scope=\xff", "content_type": FORM}),
    "escaped bytes": (400, "The body is not UTF-8.", {"data": "scope=%ff", "content_type": FORM}),
    "NUL": (400, UNREADABLE, {"data": "scope=a%00", "content_type": FORM}),
    "NUL in a name": (400, UNREADABLE, {"data": "sc%00pe=a", "content_type": FORM}),
    "no JSON": (400, BAD_JSON, {"data": "{", "content_type": JSON}),
    "empty JSON": (400, BAD_JSON, {"data": "", "content_type": JSON}),
    "deep JSON": (400, BAD_JSON, {"data": "[" * 30000, "content_type": JSON}),
    "NaN": (400, BAD_JSON, {"data": '{"a": NaN}', "content_type": JSON}),
    "huge number": (400, BAD_JSON, {"data": '{"a": ' + "1" * 5000 + "}", "content_type": JSON}),
    "byte order mark": (400, BAD_JSON, {"data": b"\xef\xbb\xbf{}", "content_type": JSON}),
    "UTF-16": (400, "The body is not UTF-8.", {"data": "{}".encode("utf-16"), "content_type": JSON}),
    "JSON array": (400, "The JSON must be an object.", {"data": "[]", "content_type": JSON}),
    "JSON NUL": (400, UNREADABLE, {"json": {"scope": "\0"}}),
    "half a surrogate pair": (400, UNREADABLE, {"data": '{"scope": "\\ud800"}', "content_type": JSON}),
    "number": (400, "The parameter scope must be a string.", {"json": {"scope": 1}}),
    "false": (400, "The parameter scope must be a string.", {"json": {"scope": False}}),
    "list": (400, "The parameter audience must be a string.", {"json": {"audience": ["https://a"]}}),
    "list of numbers": (400, "The parameter resource must be a string.", {"json": {"resource": [1]}}),
    "object": (400, "The parameter client_id must be a string.", {"json": {"client_id": {"a": "b"}}}),
    "in the query": (400, QUERY, {"query_string": G, "data": G, "content_type": FORM}),
    "unknown in the query": (400, QUERY, {"query_string": "a=b", "data": G, "content_type": FORM}),
    "repeated": (400, TWICE, {"data": f"{G}&{G}", "content_type": FORM}),
    "repeated audience": (400, TWICE, {"data": f"{G}&audience=a&audience=a", "content_type": FORM}),
    "repeated unknown": (400, TWICE, {"data": f"{G}&a=b&a=c", "content_type": FORM}),
    "repeated in JSON": (400, TWICE, {"data": '{"scope": "a", "scope": "b"}', "content_type": JSON}),
    "two credentials": (
        400,
        "The client authenticates in more than one way.",
        {
            "data": f"{G}&client_id=job&client_secret=job-secret",
            "content_type": FORM,
            "auth": ("job", "job-secret"),
        },
    ),
}


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement(
    "RFC 6749 2.3 one method",
    "RFC 6749 2.3.1 not in the URI",
    "RFC 6749 3.2 repeated parameters",
)
@pytest.mark.parametrize("case", REFUSALS)
def test_refuses_a_malformed_request(client: FlaskClient, case: str) -> None:
    status, description, request = REFUSALS[case]
    response = client.post("/oauth/token", **request)
    assert response.status_code == status
    assert response.get_json() == {"error": "invalid_request", "error_description": description}
    assert response.content_type == "application/json"
    assert dict(response.headers).items() >= dict(default_json_headers).items()


@pytest.mark.requirement("RFC 6749 2.3 one method", "RFC 9110 11.4 one header")
@pytest.mark.parametrize(
    "authorization",
    [
        f"Basic {JOB},Basic {JOB}",
        f"Basic {JOB},Bearer x",
        f"Bearer x,Basic {JOB}",
        f"bearer x , basic {JOB}",
        f"Bearer x=,Basic {JOB}",
        f'Digest username="job", qop=auth,Basic {JOB}',
        f"Basic {JOB},x=",
    ],
)
def test_refuses_two_authorization_headers_in_any_order(client: FlaskClient, authorization: str) -> None:
    """The server joins them with a comma."""
    headers = {"Authorization": authorization}
    response = client.post("/oauth/token", data=G, content_type=FORM, headers=headers)
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_request",
        "error_description": "The client authenticates in more than one way.",
    }


@pytest.mark.requirement("RFC 9110 11.4 one header")
@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer x",
        'Digest username="job", realm="a", qop=auth, nc=00000001 , response = "b"',
        'Digest username="job, Basic am9iOmI=", realm="a"',
        r'Digest username="\", Basic am9iOmI=", realm="a"',
        'Digest username="job, Basic am9iOmI=',
    ],
)
def test_the_commas_of_another_scheme_are_not_a_second_header(
    client: FlaskClient, authorization: str
) -> None:
    """RFC 9110 11.4: commas separate its parameters, and a quoted one may hold any."""
    headers = {"Authorization": authorization}
    response = client.post("/oauth/token", data=G, content_type=FORM, headers=headers)
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }


@pytest.mark.requirement("RFC 6749 3.2 POST", "RFC 9110 15.5.6 Allow")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_refuses_another_method(client: FlaskClient, method: str) -> None:
    response = client.open("/oauth/token", method=method)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    if method != "HEAD":
        assert response.get_json() == {"error": "invalid_request", "error_description": "Method Not Allowed."}


@pytest.mark.requirement("RFC 6749 3.2 empty parameters", "RFC 6749 3.2 unknown parameters")
@pytest.mark.parametrize(
    "request_",
    [
        {"data": f"{G}&scope=read", "content_type": f"{FORM}; charset=UTF-8"},
        {"data": f"{G}&scope=read write", "content_type": FORM},
        {"data": f"{G}&unknown=1&scope=&scope=read&&flag", "content_type": FORM},
        {"json": {"grant_type": "client_credentials", "scope": None, "unknown": [1, {"a": None}]}},
        {"data": '{"grant_type": "client_credentials"}', "content_type": "application/json; charset=utf-8"},
        {"data": f"{G}&client_id=job", "content_type": FORM},
    ],
)
def test_accepts_what_is_unusual_but_clear(client: FlaskClient, request_: dict[str, Any]) -> None:
    assert client.post("/oauth/token", auth=("job", "job-secret"), **request_).status_code == 200


@pytest.mark.fuzz
@pytest.mark.requirement("RFC 6749 10.14 input")
@pytest.mark.requirement("RFC 6749 5.2 status", "RFC 6749 5.2 characters")
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    type_=st.sampled_from([FORM, JSON]),
    header=st.none() | st.binary(max_size=40),
)
def test_answers_any_bytes_with_an_error_of_rfc_6749(
    client: FlaskClient, body: bytes, type_: str, header: bytes | None
) -> None:
    headers = {} if header is None else {"HTTP_AUTHORIZATION": "Basic " + header.decode("latin-1")}
    response = client.post("/oauth/token", data=body, content_type=type_, environ_overrides=headers)
    assert response.status_code in {400, 401}
    assert response.get_json()["error"] in {"invalid_request", "invalid_client"}
