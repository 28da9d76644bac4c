import os
from pathlib import Path

import pytest
from calling_service.settings import Settings, SettingsError


def problems(environ: dict[str, str], **changes: str) -> tuple[str, ...]:
    try:
        Settings.from_environ(environ | changes)
    except SettingsError as error:
        return error.problems
    return ()


def test_reads_what_is_set_and_the_defaults(environ: dict[str, str]) -> None:
    settings = Settings.from_environ(
        environ | {"SCOPE": " a  b a ", "TOKEN_URL": "", "HTTP_READ_TIMEOUT": "", "LOG_LEVEL": "debug"}
    )
    assert (settings.scopes, settings.token_url, settings.timeout) == (("a", "b"), None, (3.0, 10.0))
    assert settings.allowed_hosts == {"localhost", "127.0.0.1", "[::1]", "calling-service"}
    assert (settings.schedule_seconds, settings.log_level) == (None, "DEBUG")
    assert settings.audience_parameter == "audience"


def test_tells_all_problems_in_one_message() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_environ({})
    assert str(error.value) == (
        "calling-service: cannot start, 8 problem(s):\n"
        "  - ISSUER: not set; set it to an absolute http(s) URL\n"
        "  - CLIENT_ID: not set; set it to printable ASCII (RFC 6749 A.1)\n"
        "  - CLIENT_SECRET_FILE: not set; set it to the file that holds the client secret\n"
        "  - API_URL: not set; set it to an absolute http(s) URL\n"
        "  - AUDIENCE: not set; set it to the API's identifier, without spaces\n"
        "  - SCOPE: not set; set it to the scopes to ask for, separated by spaces\n"
        "  - INBOX: not set; set it to a folder\n"
        "  - STATE_DIR: not set; set it to a folder"
    )


ABSOLUTE = "set it to an absolute http(s) URL"
READABLE = "make it a readable file with the client secret"
FOLDER = "name a folder that can be written"
HOST = "list names without scheme or port, separated by commas"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ISSUER", "localhost", f"not an absolute http(s) URL; {ABSOLUTE}"),
        ("ISSUER", "ftp://a", f"not an absolute http(s) URL; {ABSOLUTE}"),
        ("ISSUER", "https://a:99999", f"not a URL; {ABSOLUTE}"),
        ("ISSUER", "https://[a", f"not a URL; {ABSOLUTE}"),
        ("ISSUER", "https://ä", f"not an absolute http(s) URL; {ABSOLUTE}"),
        ("ISSUER", "https://u@a", f"has a user, a fragment or a query; {ABSOLUTE}"),
        ("ISSUER", "https://a/#", f"has a user, a fragment or a query; {ABSOLUTE}"),
        ("ISSUER", "https://a/?", f"has a user, a fragment or a query; {ABSOLUTE}"),
        ("TOKEN_URL", "https://a/#x", f"has a user, a fragment or a query; {ABSOLUTE}"),
        ("API_URL", "//a", f"not an absolute http(s) URL; {ABSOLUTE}"),
        ("CLIENT_ID", "ü", "not usable; set it to printable ASCII (RFC 6749 A.1)"),
        ("AUDIENCE", "a b", "not usable; set it to the API's identifier, without spaces"),
        ("SCOPE", 'a"b', "'a\"b' is no scope (RFC 6749 3.3); separate scopes by spaces"),
        ("SCOPE", " ", "names no scope; set it to the scopes to ask for, separated by spaces"),
        ("INBOX", "/none", "/none is no folder; create it or name another"),
        (
            "STATE_DIR",
            "/dev/null/x",
            f"/dev/null/x cannot be made (Not a directory); {FOLDER}",
        ),
        (
            "CLIENT_SECRET_FILE",
            "/none",
            f"/none cannot be read (No such file or directory); {READABLE}",
        ),
        ("CLIENT_SECRET_FILE", "/dev/null", "/dev/null is empty; put the client secret into it"),
        ("CLIENT_KEY_FILE", "/etc/hostname", "set beside CLIENT_SECRET_FILE; unset one of them"),
        ("HTTP_RETRIES", "10", "'10' is no number from 0 to 9; set one, such as 3"),
        ("ALLOWED_HOSTS", "http://a", f"'http://a' is no host name; {HOST}"),
        ("ALLOWED_HOSTS", "a,b:80", f"'b:80' is no host name; {HOST}"),
        ("SCHEDULE_SECONDS", "0", "'0' is no number of seconds above 0; set one, such as 10"),
        ("HTTP_CONNECT_TIMEOUT", "-1", "'-1' is no number of seconds above 0; set one, such as 10"),
        ("HTTP_READ_TIMEOUT", "1e3", "'1e3' is no number of seconds above 0; set one, such as 10"),
        ("INSECURE_HTTP", "yes", "'yes' is neither 0 nor 1; unset it, or set 1 to allow plain http"),
        ("LOG_LEVEL", "loud", "'loud' is not known; set one of INFO, DEBUG, WARNING, ERROR, CRITICAL"),
        ("EXPLAIN", "true", "'true' is neither 0 nor 1; unset it, or set 1 to show the flow"),
        ("AUDIENCE_PARAMETER", "aud", "'aud' is not known; set one of audience, resource"),
    ],
)
def test_names_the_variable_and_what_to_do(
    environ: dict[str, str], name: str, value: str, problem: str
) -> None:
    found = problems(environ | {"INSECURE_HTTP": "1"}, **{name: value})
    if name == "INSECURE_HTTP":
        found = problems(environ, INSECURE_HTTP=value)
    assert found == (f"{name}: {problem}",)


PLAIN = "plain http to a host that is not loopback; use https, or set INSECURE_HTTP=1"


@pytest.mark.parametrize("issuer", ["http://localhost:9000", "http://127.0.0.9", "http://[::1]:1"])
def test_plain_http_is_fine_for_a_loopback_issuer(environ: dict[str, str], issuer: str) -> None:
    assert problems(environ, ISSUER=issuer, API_URL="http://protected-api:9001") == ()


@pytest.mark.parametrize("issuer", ["http://auth.example", "http://10.0.0.1"])
def test_plain_http_elsewhere_needs_its_setting(environ: dict[str, str], issuer: str) -> None:
    assert problems(environ, ISSUER=issuer) == (f"ISSUER: {PLAIN}",)
    assert problems(environ, ISSUER=issuer, INSECURE_HTTP="1") == ()
    https = environ | {"ISSUER": "https://auth.example"}
    assert problems(https) == ()
    assert problems(https, API_URL="http://api.example") == (f"API_URL: {PLAIN}",)


@pytest.mark.parametrize("issuer", ["https://auth.example", "http://10.0.0.1", "https://localhost"])
def test_the_flow_is_shown_for_a_loopback_issuer_alone(environ: dict[str, str], issuer: str) -> None:
    assert not Settings.from_environ(environ).explain
    assert Settings.from_environ(environ | {"EXPLAIN": "1"}).explain
    assert problems(environ, ISSUER=issuer, INSECURE_HTTP="1", EXPLAIN="1") == (
        "EXPLAIN: shows what refusals hide; unset it, or set ISSUER to a loopback http URL",
    )


def test_a_folder_without_the_right_to_it_cannot_be_used(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # as root, tests may do anything
    assert problems(environ) == (
        f"INBOX: {environ['INBOX']} cannot be read; change its owner or mode",
        f"STATE_DIR: {environ['STATE_DIR']} cannot be written; change its owner or mode",
    )


def test_a_secret_that_is_no_text_cannot_be_used(environ: dict[str, str], secret_file: Path) -> None:
    secret_file.write_bytes(b"\xff\xfe")
    assert problems(environ) == (f"CLIENT_SECRET_FILE: {secret_file} cannot be read (not UTF-8); {READABLE}",)
