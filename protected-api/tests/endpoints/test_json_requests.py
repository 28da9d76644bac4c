"""Queries and JSON bodies are read strictly: what is not understood is refused."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize  # type: ignore[import-untyped]
from protected_api.endpoints.json_requests import json_response
from protected_api.lean_flask import LeanFlask
from werkzeug.test import create_environ, run_wsgi_app

Bearer = Callable[..., dict[str, str]]
DATE = "Input should be a date that exists"
PATTERN = "String should match pattern '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'"
PRINTABLE = "Input should be printable and not blank"
ENTRY = {"external_id": "e1", "user_id": "u1", "date": "2026-11-02", "project": "P", "hours": "7.25"}


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    return shared_issuer


@pytest.fixture
def app(emptied_app: Flask) -> Flask:
    return emptied_app


def not_understood(detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": detail}


MALFORMED = not_understood("The body is not a JSON text in UTF-8 with unique members.")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"{'a': 1}", b'{"hours": NaN}', b'{"hours": 1, "hours": 2}', b"\xff", b"[" * 100_000),
        *('{"hours": 1}'.encode("utf-16"), b"\xef\xbb\xbf{}", b"9" * 5000),
        *(
            f'{{"hours": {number}}}'.encode()
            for number in ("1e9999999999999999999", "-1e-9999999999999999999")
        ),
    ],
)
def test_refuses_malformed_json(client: FlaskClient, bearer: Bearer, body: bytes) -> None:
    response = client.post("/timesheets/upload", data=body, content_type="application/json", headers=bearer())
    assert (response.status_code, response.json) == (400, MALFORMED)
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/csv"]
)
def test_refuses_another_media_type(client: FlaskClient, bearer: Bearer, content_type: str | None) -> None:
    response = client.post("/timesheets/upload", data=b"{}", content_type=content_type, headers=bearer())
    assert (response.status_code, response.json) == (
        415,
        {
            "type": "about:blank",
            "title": "Unsupported Media Type",
            "status": 415,
            "detail": "The content type must be application/json.",
        },
    )


def test_refuses_a_body_over_one_mebibyte(client: FlaskClient, bearer: Bearer) -> None:
    response = client.post(
        "/timesheets/upload", data=b" " * (1024 * 1024 + 1), content_type="application/json", headers=bearer()
    )
    assert (response.status_code, response.json) == (
        413,
        {
            "type": "about:blank",
            "title": "Request Entity Too Large",
            "status": 413,
            "detail": "The data value transmitted exceeds the capacity limit.",
        },
    )


def test_accepts_a_body_of_one_mebibyte(client: FlaskClient, bearer: Bearer) -> None:
    body = json.dumps(ENTRY).ljust(1024 * 1024)
    response = client.post("/timesheets/upload", data=body, content_type="application/json", headers=bearer())
    assert response.json == {"booked": 1, "unchanged": 0}


@pytest.mark.parametrize(
    ("query", "description"),
    [
        ("limit=0", "limit: Input should be greater than or equal to 1."),
        ("limit=501", "limit: Input should be less than or equal to 500."),
        *[
            (f"limit={number}", "limit: Input should be a whole number.")
            for number in ("x", "", "-1", "+1", "1.0", "1_0", "1e1", "%201", "%D9%A3", "9" * 20, "%00")
        ],
        ("cursor=-1", "cursor: Input should be a whole number."),
        ("cursor=next", "cursor: Input should be a whole number."),
        ("cursor=9223372036854775808", "cursor: Input should be less than or equal to 9223372036854775807."),
        ("from=yesterday", f"from: {PATTERN}."),
        ("to=2026-02-30", f"to: {DATE}."),
        *[(f"user_id={value}", f"user_id: {PRINTABLE}.") for value in ("%00", "%20", "a%0Ab")],
        ("user=u1", "user: Extra inputs are not permitted."),
        ("from_=2026-11-01", "from_: Extra inputs are not permitted."),
        ("approved=yes", "approved: Input should be 'true' or 'false'."),
        ("limit=1&limit=2", "A query parameter repeats."),
    ],
)
def test_refuses_a_query_it_does_not_understand(
    client: FlaskClient, bearer: Bearer, query: str, description: str
) -> None:
    response = client.get(f"/timesheets?{query}", headers=bearer())
    assert (response.status_code, response.json) == (400, not_understood(description))


def test_answers_413_to_a_chunked_body_over_one_mebibyte(app: Flask, bearer: Bearer) -> None:
    """The length of such a body is known only once it is read."""
    body = b'{"entries": []}' + b" " * (1024 * 1024)
    environ = create_environ(
        "/timesheets/upload",
        method="POST",
        input_stream=io.BytesIO(body),
        headers={**bearer(), "Transfer-Encoding": "chunked"},
        content_type="application/json",
    )
    environ |= {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    environ.pop("CONTENT_LENGTH", None)
    _, status, _ = run_wsgi_app(app, environ)
    assert status == "413 REQUEST ENTITY TOO LARGE"


class Broken:
    """A body that cannot be read, as gunicorn raises it."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def read(self, _: int | None = -1) -> bytes:
        """Fail."""
        raise self.failure


@pytest.mark.parametrize(
    ("stream", "length"),
    [(Broken(InvalidChunkSize(b"zz")), ""), (Broken(ConnectionResetError()), ""), (io.BytesIO(b"{}"), "3")],
)
def test_refuses_a_body_that_ends_early_or_is_misframed(
    client: FlaskClient, bearer: Bearer, stream: Any, length: str
) -> None:
    body = {"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": length}
    response = client.post(
        "/timesheets/upload", content_type="application/json", headers=bearer(), environ_overrides=body
    )
    cut_short = "The body ends early, or is not framed as it says."
    assert (response.status_code, response.json) == (400, not_understood(cut_short))


def test_an_answer_is_one_that_the_app_sends_as_it_is() -> None:
    assert type(json_response({})) is LeanFlask.response_class
