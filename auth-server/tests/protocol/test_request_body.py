"""Reading a body: form or JSON, and what is cut off, broken or too large."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from auth_server.startup import Service
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize, NoMoreData  # type: ignore[import-untyped]

FORM = "application/x-www-form-urlencoded"
G = "grant_type=client_credentials"


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


def test_refuses_a_chunked_body_that_is_too_large(client: FlaskClient) -> None:
    response = client.post(
        "/oauth/token",
        content_type=FORM,
        input_stream=io.BytesIO(b"a" * 65537),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 413
    assert response.get_json()["error_description"] == "The body is larger than 65536 bytes."


@pytest.mark.parametrize("server", [{}, {"wsgi.input_terminated": True}])
def test_refuses_a_body_that_is_cut_off(client: FlaskClient, server: dict[str, bool]) -> None:
    environ = {"CONTENT_LENGTH": "1000"} | server
    response = client.post("/oauth/token", data=G, content_type=FORM, environ_overrides=environ)
    assert response.status_code == 400
    assert response.get_json()["error_description"] == "The body is incomplete."


class BrokenBody:
    """A body that gunicorn refuses while it is read, or that ends with the connection."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, _size: int | None = -1) -> bytes:
        """Fail."""
        raise self.error


def test_refuses_a_body_that_declares_to_be_too_large_before_it_arrives(client: FlaskClient) -> None:
    unread = {"wsgi.input": BrokenBody(AssertionError()), "CONTENT_LENGTH": "65537"}
    response = client.post("/oauth/token", content_type=FORM, environ_overrides=unread)
    assert response.status_code == 413
    assert response.get_json()["error_description"] == "The body is larger than 65536 bytes."


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (InvalidChunkSize(b"client_secret=s3cret"), "The body is malformed."),
        (NoMoreData(), "The body is incomplete."),
        (ConnectionResetError(), "The body is incomplete."),
    ],
)
def test_refuses_a_body_that_cannot_be_read_and_logs_nothing_of_it(
    client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]], error: Exception, description: str
) -> None:
    broken = {"wsgi.input": BrokenBody(error), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    response = client.post("/oauth/token", content_type=FORM, environ_overrides=broken)
    assert response.status_code == 400
    assert response.get_json() == {"error": "invalid_request", "error_description": description}
    (line,) = log_lines()
    assert (line["message"], line["reason"]) == ("token refused", description)


class TricklingBody(io.BytesIO):
    """A body of which each read returns a few bytes, as WSGI allows."""

    def read(self, size: int | None = -1) -> bytes:
        """Return at most seven bytes."""
        return super().read(min(size or 0, 7))


@pytest.mark.parametrize("length", [str(len(G)), ""])
def test_reads_on_while_a_body_arrives_in_pieces(client: FlaskClient, length: str) -> None:
    environ = {
        "wsgi.input": TricklingBody(G.encode()),
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": length,
    }
    response = client.post(
        "/oauth/token", content_type=FORM, auth=("job", "wrong"), environ_overrides=environ
    )
    assert response.get_json()["error"] == "invalid_client"


def test_reads_nothing_if_no_length_is_known(client: FlaskClient) -> None:
    environ = {"wsgi.input": io.BytesIO(b"malformed=%zz"), "CONTENT_LENGTH": ""}
    response = client.post(
        "/oauth/token", content_type=FORM, auth=("job", "wrong"), environ_overrides=environ
    )
    assert response.get_json()["error"] == "invalid_client"
