"""Which settings are accepted, and that all problems are reported at once."""

import datetime
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from protected_api.resource_server.token_profiles import PROFILES
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
        "ISSUER: is not set; set it to the URL by which tokens name the authorization server",
        "INSECURE_HTTP: is not known; set it to one of 0, 1",
        "AUDIENCE: is not set; set it to the URL of this API",
        f"DATABASE_FILE: is not set; {WRITABLE}, or DATABASE_URL to a PostgreSQL database",
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


@pytest.mark.requirement("RFC 9728 2 resource")
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


@pytest.mark.kinds_of_failures("access-token", {"key-address: a scheme": "The service does not start."})
@pytest.mark.parametrize("value", ["x", "https://a.example/#f", "https://u@a.example/", "ftp://a.example"])
def test_refuses_a_key_set_address_that_is_not_a_url(value: str) -> None:
    sentence = "is not an absolute http(s) URL without a fragment or user name; correct it"
    assert problems(JWKS_URI=value) == (f"JWKS_URI: {sentence}",)


PLAIN = "is plain http and not loopback; use https, or set INSECURE_HTTP=1"


@pytest.mark.requirement("RFC 6750 5.2 TLS", "RFC 7662 2 TLS")
@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE"])
@pytest.mark.parametrize("url", ["http://a.example", "HTTP://a.example"])  # RFC 3986 3.1: in any case
def test_refuses_plain_http_to_another_host_unless_a_setting_allows_it(name: str, url: str) -> None:
    assert problems(**{name: url}) == (f"{name}: {PLAIN}",)
    Settings.from_environ(GOOD | {name: url, "INSECURE_HTTP": "1"})


@pytest.mark.kinds_of_failures("access-token", {"key-address: plain http": "The service does not start."})
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
    file.write_bytes(b"\xef\xbb\xbf\n")  # a byte order mark is no secret
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


@pytest.mark.parametrize("value", ["1023", "60001", "-1", "4096.0", "4k"])
def test_refuses_a_longest_token_that_is_out_of_range(value: str) -> None:
    sentence = "is not a whole number of characters; set it to 1024 to 60000"
    assert problems(MAX_TOKEN_LENGTH=value) == (f"MAX_TOKEN_LENGTH: {sentence}",)
    assert Settings.from_environ(GOOD | {"MAX_TOKEN_LENGTH": "60000"}).max_token_length == 60000


@pytest.mark.parametrize("path", ["", "/", "/timesheets", "/v1/time-sheets/", "/a/b.c/~d/E_9"])
def test_takes_an_identifier_of_the_api_with_a_path(path: str) -> None:
    audience = f"https://api.example{path}"
    assert Settings.from_environ(GOOD | {"AUDIENCE": audience}).audience == audience


@pytest.mark.parametrize("path", ["//", "/a//b", "/../a", "/a/.", "/.well-known", "/%61", "/a;b", "/a,b/"])
def test_refuses_an_identifier_with_a_path_that_is_not_served_as_it_stands(path: str) -> None:
    assert problems(AUDIENCE=f"https://api.example{path}") == (
        "AUDIENCE: has a path that cannot be served; set it to plain segments, as in /v1/api",
    )


@pytest.mark.parametrize(
    "proxy",
    ["http://proxy:3128", "http://10.0.0.1:80/", "http://[::1]:3128", "http://u:p%40%3A@proxy.example:3128"],
)
def test_takes_a_proxy_and_shows_it_nowhere(proxy: str) -> None:
    settings = Settings.from_environ(GOOD | {"OUTBOUND_PROXY": proxy})
    assert settings.outbound_proxy == proxy
    assert "http://u" not in repr(settings)


@pytest.mark.parametrize(
    "proxy",
    [
        *("proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://proxy", "http://proxy:0"),
        *(
            "http://proxy:99999",
            "http://u:secret@:3128",
            "http://u:se@cret@proxy:3128",
            "http://proxy:1/secret",
        ),
        *("http://proxy:3128?secret", "http://[::1", "http://u:secret@proxy:", "http://se cret@proxy:1"),
    ],
)
def test_refuses_a_value_that_is_no_proxy_without_repeating_it(proxy: str) -> None:
    sentence = "is not http://host:port or http://user:password@host:port; correct it"
    assert problems(OUTBOUND_PROXY=proxy) == (f"OUTBOUND_PROXY: {sentence}",)


def revocation_list() -> bytes:
    """Return a PEM file that OpenSSL reads, but that holds no certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now).next_update(now)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\x30\x82",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        revocation_list(),
    ],
    ids=["no file", "an empty file", "a binary file", "a broken certificate", "a revocation list"],
)
def test_refuses_a_file_without_certificates_together_with_the_other_problems(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    assert problems(CA_FILE=str(file), CLOCK_SKEW="x") == (
        "CLOCK_SKEW: is not a whole number of seconds; set it to 0 to 999999999",
        "CA_FILE: names a file that cannot be read as certificates in PEM; write at least one into it",
    )


def test_refuses_a_file_for_the_key_set_that_cannot_be_written_or_is_the_database(tmp_path: Path) -> None:
    not_writable = f"JWKS_FILE: cannot be written; {WRITABLE}"
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path, tmp_path / "pipe", "/dev/null"):
        assert problems(JWKS_FILE=str(file)) == (not_writable,)
    assert problems(JWKS_FILE=str(tmp_path / "missing" / "jwks.json")) == (not_writable,)
    database = str(tmp_path / "x.db")
    assert problems(DATABASE_FILE=database, JWKS_FILE=f"{tmp_path}/../{tmp_path.name}/x.db") == (
        "JWKS_FILE: is DATABASE_FILE, which it would replace; set it to another file",
    )
    good = str(tmp_path / "jwks.json")
    assert Settings.from_environ(GOOD | {"JWKS_FILE": good}).jwks_file == good


def test_explains_refusals_only_for_a_loopback_issuer() -> None:
    assert Settings.from_environ(GOOD | {"EXPLAIN": "1"}).explain
    https = {"ISSUER": "https://localhost:9000", "JWKS_URI": ""}
    assert Settings.from_environ(GOOD | {"EXPLAIN": "1"} | https).explain
    refused = "EXPLAIN: shows what refusals hide; set it to 0, or ISSUER to a loopback URL"
    assert problems(EXPLAIN="1", ISSUER="https://auth.example") == (refused,)
    assert problems(EXPLAIN="1", ISSUER="http://auth.example", INSECURE_HTTP="1") == (refused,)
    assert problems(EXPLAIN="yes") == ("EXPLAIN: is not known; set it to one of 0, 1",)


def test_reads_a_profile_of_tokens_with_the_clients_and_the_audience_that_go_with_it() -> None:
    more = {
        "TOKEN_PROFILE": "Cognito",
        "ALLOWED_CLIENT_IDS": " job  report ",
        "TOKEN_AUDIENCE": "api://timesheets",
    }
    settings = Settings.from_environ(GOOD | more)
    assert (settings.profile, settings.allowed_clients) == ("cognito", frozenset({"job", "report"}))
    assert (settings.token_audience, settings.audience) == ("api://timesheets", "http://localhost:9001")
    assert Settings.from_environ(GOOD).token_audience == "http://localhost:9001"


NAMES_NO_CLIENT = (
    "ALLOWED_CLIENT_IDS: names no client; set it to the client ids that may call, separated by spaces"
)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"TOKEN_PROFILE": "keycloack"},
            f"TOKEN_PROFILE: is not known; set it to one of {', '.join([*PROFILES, 'opaque'])}",
        ),
        (
            {"TOKEN_PROFILE": "opaque"},
            "CLIENT_ID: is not set, but TOKEN_PROFILE is opaque; set it, to ask about tokens",
        ),
        ({"TOKEN_PROFILE": "cognito"}, NAMES_NO_CLIENT),  # its tokens may lack an audience
        ({"ALLOWED_CLIENT_IDS": " "}, NAMES_NO_CLIENT),
        (
            {"TOKEN_AUDIENCE": "two words"},
            "TOKEN_AUDIENCE: cannot be used; set it to the aud of the tokens, without spaces",
        ),
    ],
)
def test_refuses_what_is_no_profile_no_client_and_no_audience(changes: dict[str, str], problem: str) -> None:
    assert problems(**changes) == (problem,)
