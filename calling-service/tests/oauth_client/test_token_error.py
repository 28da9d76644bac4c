"""The words of an error, which never hold the credential (RFC 6749 5.2)."""

import json
from pathlib import Path
from typing import Any

import pytest
from calling_service.oauth_client.token_source import TokenError, TokenSource
from werkzeug.wrappers import Response

API = "https://api.example"
SCOPES = ("b", "a")


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (500, "<html>", "bad_response: HTTP 500 without a usable body"),
        (200, "[1]", "bad_response: HTTP 200 without a usable body"),
        (200, "", "bad_response: HTTP 200 without a usable body"),
        (200, "[" * 100_000, "bad_response: HTTP 200 without a usable body"),
        (200, '{"expires_in": ' + "9" * 5000 + "}", "bad_response: HTTP 200 without a usable body"),
        (302, "", "bad_response: HTTP 302 without a usable body"),
        (400, '{"error": "invalid_scope\\u001b[31m", "error_description": 7}', "invalid_scope[31m: 7"),
        (400, '{"error": "\\ud800", "error_description": "no"}', "bad_response: no"),
    ],
)
def test_the_error_repeats_the_servers_words_without_control_characters(
    source: TokenSource, endpoint: Any, status: int, body: str, sentence: str
) -> None:
    endpoint.answers = [Response(body, status, {"Location": "http://127.0.0.1:1/"})]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == sentence


def test_masks_a_whole_header_before_a_short_secret_in_it(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    """The rest of the header would say what the secret is."""
    secret_file.write_text("sl")
    sent = "am9iJTNBMSslQzMlQkM6c2w="
    endpoint.answers = [endpoint.error(400, "odd", f"{sent} is wrong")]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert endpoint.requests[0].headers["Authorization"] == f"Basic {sent}"
    assert str(error.value) == "odd: *** is wrong"


def test_cuts_off_a_long_error(source: TokenSource, endpoint: Any) -> None:
    endpoint.answers = [endpoint.error(400, "odd", "x" * 1000)]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert error.value.description == "x" * 300


def test_never_repeats_the_credential_that_a_server_echoes(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    secret_file.write_text("echo-mé", encoding="utf-8")
    endpoint.answers = [endpoint.error(400, "echo-mé", "secret echo-mé is wrong")]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "***: secret *** is wrong"


def test_never_repeats_a_part_of_the_credential_as_http_basic_has_it(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    secret_file.write_text("a+b/c==")
    endpoint.answers = [endpoint.error(400, "odd", "a%2Bb%2Fc%3D%3D, which is a+b/c==, is wrong")]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "odd: ***, which is ***, is wrong"


def test_masks_the_longer_form_of_a_credential_before_a_shorter_one_in_it(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    secret_file.write_text("pass%")
    endpoint.answers = [endpoint.error(400, "odd", "pass%25 is wrong")]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "odd: *** is wrong"


def test_never_repeats_the_authorization_header_that_a_gateway_echoes(
    source: TokenSource, endpoint: Any
) -> None:
    def echo(**_: Any) -> Response:
        sent = endpoint.requests[-1].headers["Authorization"]
        return Response(json.dumps({"message": f"no equal-sign in '{sent}'"}), 403)

    endpoint.token = echo
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "bad_response: no equal-sign in 'Basic ***'"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty; write the credential into it"),
        (b"\xff", "is not in UTF-8, but perhaps in UTF-16; save it in UTF-8"),
        (b"secret\r\nanother\r\n", "holds more than a secret in one line"),
        (b"sec\tret", "holds more than a secret in one line"),
    ],
)
def test_the_error_names_the_secret_file_that_cannot_be_used(
    source: TokenSource, endpoint: Any, secret_file: Path, *, content: bytes, fault: str
) -> None:
    secret_file.write_bytes(content)
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == f"no_credential: {secret_file} {fault}"
    assert endpoint.calls == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/oauth/token", "ConnectionError"),
        ("https://[", "InvalidURL"),
        ("https:", "InvalidURL"),
    ],
)
def test_the_error_names_the_server_that_did_not_answer(source: TokenSource, url: str, why: str) -> None:
    source.token_url = url
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == f"unreachable: {url} did not answer ({why})"
