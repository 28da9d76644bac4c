"""Each setting that is wrong is named, with what to do."""

import sys

import pytest
from auth_server.settings_reader import SettingsError, SettingsReader
from auth_server.startup import apply, open_service

ABSENT = "is not set; set it to the URL by which tokens name the authorization server"
NO_URL = "is not an absolute http(s) URL without a query, fragment or user name; correct it"
NO_PATH = "has a path that cannot be served; remove empty segments, dot segments, brackets and percent signs"
PLAIN = "is plain http and not loopback; use https, or set INSECURE_HTTP=1"
EXPLAINED = "EXPLAIN: shows what refusals hide; set it to 0, or ISSUER to a loopback URL"
NO_FILE = "cannot be used (unable to open database file); make it a file that this service can write"
TOO_SOON = (
    "a key would sign 332 s after it was announced, and an API may not know it for "
    "JWKS_TTL + JWKS_COOLDOWN + CACHE_TTL = 332 s; set it to more"
)
NO_DATABASE = (
    "does not name a database; set it to sqlite:////path/to/auth-server.db or "
    "postgresql+psycopg://user@host:5432/database"
)
PASSWORD_IN_URL = "DATABASE_URL: has a password; write it into a file, and set DATABASE_PASSWORD_FILE to that"


NO_STORE = "is not memory:// or the URL of a Valkey without a password; correct it"
BAD: dict[str, tuple[dict[str, str], str]] = {
    "no issuer": ({"ISSUER": ""}, f"ISSUER: {ABSENT}"),
    "relative issuer": ({"ISSUER": "issuer.example"}, f"ISSUER: {NO_URL}"),
    "other scheme": ({"ISSUER": "ftp://issuer.example"}, f"ISSUER: {NO_URL}"),
    "quote in the issuer": ({"ISSUER": 'https://issuer.example/"'}, f"ISSUER: {NO_URL}"),
    "bad port": (
        {"ISSUER": "https://issuer.example:x"},
        f"ISSUER: {NO_URL}",
    ),
    "fragment": ({"ISSUER": "https://issuer.example#a"}, f"ISSUER: {NO_URL}"),
    "empty query": ({"ISSUER": "https://issuer.example?"}, f"ISSUER: {NO_URL}"),
    "userinfo": ({"ISSUER": "https://a@issuer.example"}, f"ISSUER: {NO_URL}"),
    **{
        f"path {path}": ({"ISSUER": f"https://issuer.example{path}"}, f"ISSUER: {NO_PATH}")
        for path in ("/a%20b", "//", "/a//b", "/a//", "/./a", "/a/..", "/..", "/[a]")
    },
    "plain http": ({"ISSUER": "http://issuer.example"}, f"ISSUER: {PLAIN}"),
    "plain http in capitals": ({"ISSUER": "HTTP://issuer.example"}, f"ISSUER: {PLAIN}"),
    "plain http address": ({"ISSUER": "http://192.0.2.1"}, f"ISSUER: {PLAIN}"),
    "insecure": ({"INSECURE_HTTP": "yes"}, "INSECURE_HTTP: is not known; set it to one of 0, 1"),
    "no database": ({"DATABASE_URL": ""}, f"DATABASE_URL: {NO_DATABASE}"),
    "database in memory": ({"DATABASE_URL": "sqlite:///:memory:"}, f"DATABASE_URL: {NO_DATABASE}"),
    "other database": ({"DATABASE_URL": "mysql://auth@db/auth"}, f"DATABASE_URL: {NO_DATABASE}"),
    "other driver": ({"DATABASE_URL": "postgresql://auth@db/auth"}, f"DATABASE_URL: {NO_DATABASE}"),
    "no user": ({"DATABASE_URL": "postgresql+psycopg://db/auth"}, f"DATABASE_URL: {NO_DATABASE}"),
    "no name": ({"DATABASE_URL": "postgresql+psycopg://auth@db"}, f"DATABASE_URL: {NO_DATABASE}"),
    "wrong port": ({"DATABASE_URL": "postgresql+psycopg://auth@db:x/auth"}, f"DATABASE_URL: {NO_DATABASE}"),
    **{
        f"password in {url}": (
            {"DATABASE_URL": f"postgresql+psycopg://{url}"},
            PASSWORD_IN_URL,
        )
        for url in ("auth:x@db/auth", "auth:@db/auth", "auth@db/auth?password=x", "auth@db/auth?passfile=x")
    },
    "database that cannot be opened": (
        {"DATABASE_URL": "sqlite:////nowhere/a.db"},
        f"DATABASE_URL: {NO_FILE}",
    ),
    "lifetime": (
        {"TOKEN_LIFETIME": "0"},
        "TOKEN_LIFETIME: is not a whole number of seconds; set it to 1 to 2592000",
    ),
    "time to live": ({"JWKS_TTL": "1.5"}, "JWKS_TTL: is not a whole number of seconds; set it to 0 to 86400"),
    "cache": ({"CACHE_TTL": "-1"}, "CACHE_TTL: is not a whole number of seconds; set it to 0 to 60"),
    "keys that sign before they are known": (
        {"KEY_ANNOUNCEMENT": "332"},
        f"KEY_ANNOUNCEMENT: {TOO_SOON}",
    ),
    "keys that sign for less than they are announced": (
        {"KEY_ROTATION": "3599"},
        "KEY_ROTATION: is shorter than KEY_ANNOUNCEMENT; set it to 3600 or more",
    ),
    "failed logins": (
        {"FAILED_LOGINS_PER_MINUTE": "-1"},
        "FAILED_LOGINS_PER_MINUTE: is not a whole number; set it to 0 to 1000000",
    ),
    "failed logins storage": (
        {"FAILED_LOGINS_STORAGE": "memcached://a"},
        f"FAILED_LOGINS_STORAGE: {NO_STORE}",
    ),
    "failed logins storage with its password": (
        {"FAILED_LOGINS_STORAGE": "valkey://:secret@valkey:6379"},
        f"FAILED_LOGINS_STORAGE: {NO_STORE}",
    ),
    "failed logins storage with its password as an option": (
        {"FAILED_LOGINS_STORAGE": "valkey://valkey:6379?password=secret"},
        f"FAILED_LOGINS_STORAGE: {NO_STORE}",
    ),
    "failed logins storage with a bad port": (
        {"FAILED_LOGINS_STORAGE": "valkey://valkey:65536"},
        "FAILED_LOGINS_STORAGE: has a port that cannot be; correct it",
    ),
    "failed logins storage without its client": (
        {"FAILED_LOGINS_STORAGE": "redis://redis"},
        "FAILED_LOGINS_STORAGE: needs the package redis; install it, or set this to memory://",
    ),
    "no password of the failed logins storage": (
        {"FAILED_LOGINS_PASSWORD_FILE": "/nowhere"},
        "FAILED_LOGINS_PASSWORD_FILE: /nowhere cannot be read (No such file or directory); make it readable",
    ),
    "empty password of the failed logins storage": (
        {"FAILED_LOGINS_PASSWORD_FILE": "/dev/null"},
        "FAILED_LOGINS_PASSWORD_FILE: /dev/null holds no password; write it there",
    ),
    "token length": (
        {"MAX_TOKEN_LENGTH": "1023"},
        "MAX_TOKEN_LENGTH: is not a whole number of characters; set it to 1024 to 60000",
    ),
    "when the tenant is applied": (
        {"TENANT_APPLY": "never"},
        "TENANT_APPLY: is not known; set it to one of start, command",
    ),
    "no Actions folder": (
        {"ACTIONS_DIR": "/nowhere"},
        "ACTIONS_DIR: /nowhere is not a folder; create it, even if it stays empty",
    ),
    "proxy by name": (
        {"TRUSTED_PROXIES": "192.0.2.1, proxy"},
        "TRUSTED_PROXIES: proxy is not an address or CIDR block; set it to those of the proxies",
    ),
    "explanations": (
        {"EXPLAIN": "1"},
        EXPLAINED,
    ),
    "explanations to a network": (
        {"EXPLAIN": "1", "ISSUER": "http://192.0.2.1", "INSECURE_HTTP": "1"},
        EXPLAINED,
    ),
    "log level": (
        {"LOG_LEVEL": "loud"},
        "LOG_LEVEL: is not known; set it to one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
    ),
    "no tenant file": (
        {"TENANT_FILE": "/nowhere.yaml"},
        "TENANT_FILE: /nowhere.yaml: cannot be read (No such file or directory); make it readable",
    ),
    "no key-encryption key": (
        {"KEY_ENCRYPTION_KEY_FILE": "/nowhere"},
        "KEY_ENCRYPTION_KEY_FILE: /nowhere cannot be read (No such file or directory); restore or create it",
    ),
}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        apply(open_service(environ))
    return caught.value.problems


@pytest.mark.requirement(
    "RFC 6749 3.1 fragment",
    "RFC 6749 3.2 fragment",
    "RFC 6749 3.2 TLS",
    "RFC 7009 2 address",
    "RFC 7662 2 TLS",
    "RFC 8414 2 issuer",
)
@pytest.mark.parametrize("case", BAD)
def test_names_the_setting_and_what_to_do(environ: dict[str, str], case: str) -> None:
    change, problem = BAD[case]
    assert problems(environ | change) == (problem,)


def test_postgresql_needs_its_driver(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError) as caught:
        open_service(environ | {"DATABASE_URL": "postgresql+psycopg://auth@db/auth"})
    assert caught.value.problems == (
        "DATABASE_URL: needs psycopg; install this service with its extra `postgresql`",
    )


def test_names_each_tenant_file_that_cannot_be_read(environ: dict[str, str]) -> None:
    reason = "cannot be read (No such file or directory); make it readable"
    assert problems(environ | {"TENANT_FILE": "/nowhere.yaml, /neither.yaml"}) == (
        f"TENANT_FILE: /nowhere.yaml: {reason}",
        f"TENANT_FILE: /neither.yaml: {reason}",
    )


@pytest.mark.parametrize(
    "issuer", ["http://localhost:9000", "http://127.1.2.3", "http://[::1]:1", "https://a.b/c"]
)
def test_accepts_https_and_loopback(environ: dict[str, str], issuer: str) -> None:
    assert open_service(environ | {"ISSUER": issuer}).settings.issuer == issuer


def test_accepts_plain_http_if_insecure_http_is_set(environ: dict[str, str]) -> None:
    environ |= {"ISSUER": "http://issuer.internal", "INSECURE_HTTP": "1"}
    assert open_service(environ).settings.issuer == "http://issuer.internal"


@pytest.mark.parametrize("issuer", ["http://localhost:9000", "https://127.1.2.3", "http://[::1]:1"])
def test_explains_to_loopback(environ: dict[str, str], issuer: str) -> None:
    assert open_service(environ | {"ISSUER": issuer, "EXPLAIN": "1"}).settings.explain


def test_does_not_explain_by_default(environ: dict[str, str]) -> None:
    assert not open_service(environ | {"ISSUER": "http://localhost"}).settings.explain


def test_names_a_problem_once_even_if_the_setting_is_read_twice() -> None:
    reader = SettingsReader({"EXPLAIN": "yes"})
    assert [reader.switch("EXPLAIN"), reader.switch("EXPLAIN")] == [False, False]
    assert reader.problems == ["EXPLAIN: is not known; set it to one of 0, 1"]
