"""Which settings are accepted, and that all problems are reported at once."""

from pathlib import Path

import pytest
from protected_api.settings import Settings
from protected_api.settings_reader import SettingsError

GOOD = {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9001", "DATABASE_FILE": ":memory:"}
WRITABLE = "set it to a file in a folder that can be written to"


def problems(**changes: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        Settings.from_environ(GOOD | changes)
    return error.value.problems


def test_has_defaults_for_all_but_three() -> None:
    assert Settings.from_environ(GOOD) == Settings(
        "http://localhost:9000", "http://localhost:9001", ":memory:", None, 300, 86400, 30, 60, "INFO"
    )


def test_reads_what_is_set() -> None:
    more = {
        "JWKS_URI": "http://auth-server:9000/.well-known/jwks.json",
        "JWKS_TTL": "1",
        "JWKS_HARD_TTL": "2",
        "JWKS_COOLDOWN": "3",
        "CLOCK_SKEW": "0",
        "LOG_LEVEL": "debug",
    }
    assert Settings.from_environ(GOOD | more) == Settings(
        "http://localhost:9000", "http://localhost:9001", ":memory:", more["JWKS_URI"], 1, 2, 3, 0, "DEBUG"
    )


def test_reports_every_problem_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_environ({"ISSUER": "", "JWKS_TTL": "x", "INSECURE_HTTP": "yes", "LOG_LEVEL": "loud"})
    assert error.value.problems == (
        "INSECURE_HTTP: is not known; set it to one of 0, 1",
        "ISSUER: is not set; set it to the URL by which tokens name the authorization server",
        "AUDIENCE: is not set; set it to the URL of this API",
        f"DATABASE_FILE: is not set; {WRITABLE}",
        "JWKS_TTL: is not a whole number of seconds; set it to 1 to 999999999",
        "LOG_LEVEL: is not known; set it to one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    )


def test_prepares_the_database(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    assert Settings.from_environ(GOOD | {"DATABASE_FILE": str(file)}).database_file == str(file)
    assert file.exists()


def test_reports_an_unusable_database_together_with_the_other_problems(tmp_path: Path) -> None:
    assert problems(ISSUER="", DATABASE_FILE=str(tmp_path / "missing" / "x.db")) == (
        "ISSUER: is not set; set it to the URL by which tokens name the authorization server",
        f"DATABASE_FILE: cannot be used (unable to open database file); {WRITABLE}",
    )


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE"])
@pytest.mark.parametrize(
    "value",
    [
        *("localhost:9000", "/x", "ftp://a.example", "https://", "https://a.example#f", "https://a.example#"),
        *("https://a.example?x=1", "https://a.example?", "https://u@a.example", "https://a.example:0"),
        *("https://a.example:x", "https://a.example:99999", "https://[::1", "https://a .example"),
        *('https://a.example/"', "https://a.example/\\", "https://ä.example", " https://a.example"),
    ],
)
def test_refuses_a_value_that_is_not_a_plain_url(name: str, value: str) -> None:
    sentence = "is not an absolute http(s) URL without a query, fragment or user name; correct it"
    assert problems(**{name: value}) == (f"{name}: {sentence}",)


@pytest.mark.parametrize("value", ["x", "https://a.example/#f", "https://u@a.example/", "ftp://a.example"])
def test_refuses_a_key_set_address_that_is_not_a_url(value: str) -> None:
    sentence = "is not an absolute http(s) URL without a fragment or user name; correct it"
    assert problems(JWKS_URI=value) == (f"JWKS_URI: {sentence}",)


PLAIN = "is plain http and not loopback; use https, or set INSECURE_HTTP=1"


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE"])
@pytest.mark.parametrize("url", ["http://a.example", "HTTP://a.example"])  # RFC 3986 3.1: in any case
def test_refuses_plain_http_to_another_host_unless_a_setting_allows_it(name: str, url: str) -> None:
    assert problems(**{name: url}) == (f"{name}: {PLAIN}",)
    Settings.from_environ(GOOD | {name: url, "INSECURE_HTTP": "1"})


def test_refuses_a_plain_http_key_set_of_a_remote_issuer() -> None:
    assert problems(ISSUER="https://a.example", JWKS_URI="http://a.example/jwks") == (f"JWKS_URI: {PLAIN}",)
    Settings.from_environ(GOOD | {"ISSUER": "https://a.example", "JWKS_URI": "https://b.example/jwks?x=1"})


@pytest.mark.parametrize(
    "issuer", ["http://127.1.2.3:9", "http://[::1]", "http://localhost/tenant/", "https://a.example"]
)
def test_keeps_the_issuer_byte_for_byte(issuer: str) -> None:
    assert Settings.from_environ(GOOD | {"ISSUER": issuer}).issuer == issuer


@pytest.mark.parametrize("name", ["JWKS_TTL", "JWKS_HARD_TTL", "JWKS_COOLDOWN"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", " 1", "1e3", "٣", "1" * 10])
def test_refuses_a_value_that_is_not_a_time(name: str, value: str) -> None:
    assert problems(**{name: value}) == (
        f"{name}: is not a whole number of seconds; set it to 1 to 999999999",
    )


def test_reads_what_introspection_needs(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x\n")
    client = {"CLIENT_ID": "timesheets-api", "CLIENT_SECRET_FILE": str(file)}
    settings = Settings.from_environ(GOOD | client | {"INTROSPECTION_URL": "http://auth-server:9000/i"})
    assert (settings.introspection_url, settings.client_id) == ("http://auth-server:9000/i", "timesheets-api")
    assert settings.client_secret_file == str(file)


def test_refuses_half_of_what_introspection_needs(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\n")
    unset = "is not set, but {} is; set both or neither"
    assert problems(CLIENT_ID="x") == ("CLIENT_SECRET_FILE: " + unset.format("CLIENT_ID"),)
    assert problems(INTROSPECTION_URL="https://a.example") == (
        "CLIENT_ID: " + unset.format("INTROSPECTION_URL"),
    )
    assert problems(CLIENT_SECRET_FILE=str(file)) == (
        "CLIENT_SECRET_FILE: names an empty file; write the secret into it",
        "CLIENT_ID: " + unset.format("CLIENT_SECRET_FILE"),
    )
    assert problems(CLIENT_ID="x", CLIENT_SECRET_FILE=str(tmp_path / "gone")) == (
        "CLIENT_SECRET_FILE: names a file that cannot be read; create it",
    )


def test_refuses_a_hard_time_shorter_than_the_soft_time() -> None:
    assert problems(JWKS_HARD_TTL="299") == (
        "JWKS_HARD_TTL: is shorter than JWKS_TTL; set it to at least as many seconds",
    )


def test_explains_refusals_only_for_a_loopback_issuer() -> None:
    assert Settings.from_environ(GOOD | {"EXPLAIN": "1"}).explain
    refused = "EXPLAIN: shows what refusals hide; set it to 0, or ISSUER to a loopback http URL"
    assert problems(EXPLAIN="1", ISSUER="https://auth.example") == (refused,)
    assert problems(EXPLAIN="1", ISSUER="http://auth.example", INSECURE_HTTP="1") == (refused,)
    assert problems(EXPLAIN="yes") == ("EXPLAIN: is not known; set it to one of 0, 1",)
