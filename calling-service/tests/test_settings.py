import os
from pathlib import Path

import certifi
import pytest
from calling_service.settings import Settings
from calling_service.settings_reader import SettingsError


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
    assert (settings.schedule_seconds, settings.log_level) == (0, "DEBUG")
    assert settings.audience_parameter == "audience"


def test_the_export_format_has_a_shipped_name_or_is_a_file(environ: dict[str, str], tmp_path: Path) -> None:
    assert Settings.from_environ(environ).column_map.name == "ExampleCo's export"
    assert Settings.from_environ(environ | {"EXPORT_FORMAT": "toggl"}).column_map.makes_ids
    path = tmp_path / "ours.toml"
    path.write_text('colour = 1\n[columns]\nuser_id = "U"\ndate = "D"\nproject = "P"\n[id]\ncolumn = "I"\n')
    assert problems(environ, EXPORT_FORMAT=str(path)) == (
        f"EXPORT_FORMAT: {path}: columns.hours: is not set; set it to the name of a column",
        f"EXPORT_FORMAT: {path}: hours.unit: is not one of decimal, H:MM, H:MM:SS, 1h 30m",
        f"EXPORT_FORMAT: {path}: colour: is not known; remove it",
    )
    path.write_text('user_id = "U')
    (problem,) = problems(environ, EXPORT_FORMAT=str(path))
    assert problem.startswith(f"EXPORT_FORMAT: {path} is not TOML: ")


def test_lists_may_have_other_white_space_and_a_comma_at_the_end(environ: dict[str, str]) -> None:
    settings = Settings.from_environ(environ | {"SCOPE": "a\tb\nc\n", "ALLOWED_HOSTS": "a.example, [::1],"})
    assert settings.scopes == ("a", "b", "c")
    assert settings.allowed_hosts == {"a.example", "[::1]"}


def test_lists_all_problems_in_one_message() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_environ({})
    assert str(error.value) == (
        "calling-service: cannot start, 8 problem(s):\n"
        "  - ISSUER: is not set; set it to the URL by which tokens name the authorization server\n"
        "  - CLIENT_ID: is not set; set it to printable ASCII (RFC 6749 A.1)\n"
        "  - CLIENT_SECRET_FILE: is not set; set it to the file that holds the client secret\n"
        "  - API_URL: is not set; set it to the URL at which the API is reached\n"
        "  - AUDIENCE: is not set; set it to the API's identifier, without spaces\n"
        "  - SCOPE: is not set; set it to scopes, separated by spaces (RFC 6749 3.3)\n"
        "  - INBOX: is not set; set it to a folder\n"
        "  - STATE_DIR: is not set; set it to a folder"
    )


NOT_THE_ISSUER = "is not an absolute http(s) URL without a query, fragment or user name; correct it"
NO_FILE = "is not a file of at most 65536 bytes; name the file with the credential"
NOT_A_URL = "is not an absolute http(s) URL without a fragment or user name; correct it"
NOT_SECONDS = "is not a number of seconds above 0; set it to one, such as 10"
NOT_SCOPES = "cannot be used; set it to scopes, separated by spaces (RFC 6749 3.3)"
NOT_HOSTS = "is not a list of host names without ports, separated by commas"
NO_BUNDLE = "name a PEM file of CA certificates"
NOT_A_FOLDER = "is not a usable folder; create it, or change its owner or mode"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ISSUER", "localhost", NOT_THE_ISSUER),
        ("ISSUER", "ftp://a", NOT_THE_ISSUER),
        ("ISSUER", "https://a:99999", NOT_THE_ISSUER),
        ("ISSUER", "https://[a", NOT_THE_ISSUER),
        ("ISSUER", "https://ä", NOT_THE_ISSUER),
        ("ISSUER", "https://u@a", NOT_THE_ISSUER),
        ("ISSUER", "https://a/#", NOT_THE_ISSUER),
        ("ISSUER", "https://a/?", NOT_THE_ISSUER),
        ("TOKEN_URL", "https://a/#x", NOT_A_URL),
        ("API_URL", "//a", NOT_A_URL),
        ("CLIENT_ID", "ü", "cannot be used; set it to printable ASCII (RFC 6749 A.1)"),
        ("AUDIENCE", "a b", "cannot be used; set it to the API's identifier, without spaces"),
        ("SCOPE", 'a"b', NOT_SCOPES),
        ("SCOPE", " ", NOT_SCOPES),
        ("INBOX", "/none", f"/none {NOT_A_FOLDER}"),
        ("STATE_DIR", "/dev/null/x", f"/dev/null/x {NOT_A_FOLDER}"),
        (
            "CLIENT_SECRET_FILE",
            "/none",
            "/none cannot be read (FileNotFoundError); name a readable file",
        ),
        ("CLIENT_SECRET_FILE", "/dev/null", f"/dev/null {NO_FILE}"),
        ("CLIENT_KEY_FILE", "/etc/hostname", "is set beside CLIENT_SECRET_FILE; unset one of them"),
        ("CLIENT_ASSERTION_FILE", "/etc/hostname", "is set beside CLIENT_SECRET_FILE; unset one of them"),
        ("CLIENT_ASSERTION_TYPE", "saml2", "is not known; set it to one of jwt-bearer, jwt-spiffe"),
        ("CA_FILE", "/none", f"/none cannot be used (FileNotFoundError); {NO_BUNDLE}"),
        ("CA_FILE", "/", f"/ cannot be used (IsADirectoryError); {NO_BUNDLE}"),
        ("CA_FILE", "/dev/null", f"/dev/null cannot be used (SSLError); {NO_BUNDLE}"),
        ("CA_FILE", "/etc/hostname", f"/etc/hostname cannot be used (SSLError); {NO_BUNDLE}"),
        ("HTTP_RETRIES", "10", "is not a whole number; set it to 0 to 9"),
        ("ALLOWED_HOSTS", "http://a", NOT_HOSTS),
        ("ALLOWED_HOSTS", "a,b:80", NOT_HOSTS),
        ("ALLOWED_HOSTS", ",", NOT_HOSTS),
        ("SCHEDULE_SECONDS", "0", NOT_SECONDS),
        ("HTTP_CONNECT_TIMEOUT", "-1", NOT_SECONDS),
        ("HTTP_READ_TIMEOUT", "1e3", NOT_SECONDS),
        ("INSECURE_HTTP", "yes", "is not known; set it to one of 0, 1"),
        ("LOG_LEVEL", "loud", "is not known; set it to one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("EXPLAIN", "true", "is not known; set it to one of 0, 1"),
        ("AUDIENCE_PARAMETER", "aud", "is not known; set it to one of audience, resource"),
    ],
)
def test_names_the_variable_and_what_to_do(
    environ: dict[str, str], name: str, value: str, problem: str
) -> None:
    found = problems(environ | {"INSECURE_HTTP": "1"}, **{name: value})
    if name == "INSECURE_HTTP":
        found = problems(environ, INSECURE_HTTP=value)
    assert found == (f"{name}: {problem}",)


PLAIN = "is plain http and not loopback; use https, or set INSECURE_HTTP=1"


@pytest.mark.parametrize("issuer", ["http://localhost:9000", "http://127.0.0.9", "http://[::1]:1"])
def test_plain_http_is_fine_for_a_loopback_issuer(environ: dict[str, str], issuer: str) -> None:
    assert problems(environ, ISSUER=issuer, API_URL="http://protected-api:9001") == ()


@pytest.mark.requirement("RFC 6749 3.2 TLS", "RFC 6750 5.2 TLS")
@pytest.mark.parametrize("issuer", ["http://auth.example", "http://10.0.0.1", "HTTP://auth.example"])
def test_plain_http_elsewhere_needs_its_setting(environ: dict[str, str], issuer: str) -> None:
    assert problems(environ, ISSUER=issuer) == (f"ISSUER: {PLAIN}",)
    assert problems(environ, ISSUER=issuer, INSECURE_HTTP="1") == ()
    https = environ | {"ISSUER": "https://auth.example"}
    assert problems(https) == ()
    assert problems(https, API_URL="http://api.example") == (f"API_URL: {PLAIN}",)


@pytest.mark.parametrize("issuer", ["https://auth.example", "http://10.0.0.1", "https://localhost.example"])
def test_the_flow_is_shown_for_a_loopback_issuer_alone(environ: dict[str, str], issuer: str) -> None:
    assert not Settings.from_environ(environ).explain
    assert Settings.from_environ(environ | {"EXPLAIN": "1"}).explain
    assert Settings.from_environ(environ | {"EXPLAIN": "1", "ISSUER": "https://localhost:9000"}).explain
    assert problems(environ, ISSUER=issuer, INSECURE_HTTP="1", EXPLAIN="1") == (
        "EXPLAIN: shows what refusals hide; set it to 0, or ISSUER to a loopback URL",
    )


def test_refuses_a_folder_without_the_permissions(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # as root, tests may do anything
    assert problems(environ) == (
        f"INBOX: {environ['INBOX']} {NOT_A_FOLDER}",
        f"STATE_DIR: {environ['STATE_DIR']} {NOT_A_FOLDER}",
    )


def test_refuses_a_secret_that_is_not_text(environ: dict[str, str], secret_file: Path) -> None:
    secret_file.write_bytes(b"\xff\xfe")
    reason = "is not in UTF-8, but perhaps in UTF-16; save it in UTF-8"
    assert problems(environ) == (f"CLIENT_SECRET_FILE: {secret_file} {reason}",)


def test_takes_a_bundle_of_cas_and_has_none_by_default(environ: dict[str, str]) -> None:
    assert Settings.from_environ(environ).ca_file is None
    bundle = certifi.where()
    assert Settings.from_environ(environ | {"CA_FILE": bundle}).ca_file == Path(bundle)
