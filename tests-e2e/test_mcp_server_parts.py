"""The parts of deploy/mcp-server that need nothing of MCP: its settings, and how it reads the API."""

import sys
from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from auth_server.tenant.reading import read_tenant
from live_stack import CHECKOUT, Stack

PATHS = (CHECKOUT / "deploy/mcp-server", CHECKOUT / "calling-service/calling_service")  # as in its image
PAGE = (CHECKOUT / "docs/mcp-server.md").read_text()
DAYS = (date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that imports a module of the server; forget them at the end."""
    before = set(sys.modules)
    for path in PATHS:
        monkeypatch.syspath_prepend(str(path))
    yield lambda name: import_module(f"mcp_server.{name}")
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("mcp_server", "oauth_client"):
            del sys.modules[name]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the settings of compose.yml, with a secret."""
    compose = yaml.safe_load((CHECKOUT / "deploy/mcp-server/compose.yml").read_text())
    settings: dict[str, str] = compose["services"]["mcp-server"]["environment"]
    settings |= {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9003/mcp"}
    (tmp_path / "secret").write_text("s" * 43)
    return settings | {"CLIENT_SECRET_FILE": str(tmp_path / "secret")}


def test_a_start_without_settings_names_all_of_them(parts: Any, environ: dict[str, str]) -> None:
    settings = parts("settings")
    with pytest.raises(settings.SettingsError) as caught:
        settings.Settings.from_environ({})
    heading, *problems = str(caught.value).split("\n  - ")
    assert heading == "mcp-server: cannot start, 9 problem(s):"
    assert {problem.partition(":")[0] for problem in problems} == environ.keys() - {"no_proxy"}
    assert [name for name in settings.MEANINGS if f"`{name}`" not in PAGE] == []


def test_its_tenant_file_is_one_tenant_with_the_samples() -> None:
    files = (CHECKOUT / "auth-server/tenant.yaml", CHECKOUT / "deploy/mcp-server/tenant.yaml")
    tenant = read_tenant(*files)
    assert tenant.problems == ()
    of_server = [grant["audience"] for grant in tenant.grants if grant["client"] == "timesheets-mcp-server"]
    assert of_server == ["http://localhost:9001"]


NO_URL = "is not an absolute https URL, or http with a loopback issuer; correct it"
BAD = {
    "relative URL": ({"JWKS_URI": "jwks.json"}, f"JWKS_URI: {NO_URL}"),
    "another scheme": ({"API_URL": "ftp://api"}, f"API_URL: {NO_URL}"),
    "no host": ({"TOKEN_URL": "https:///oauth/token"}, f"TOKEN_URL: {NO_URL}"),
    "unreadable URL": ({"API_URL": "http://[api"}, f"API_URL: {NO_URL}"),
    "unknown algorithm": (
        {"SIGNING_ALG": "HS256"},
        "SIGNING_ALG: is not known; set it to one of RS256, ES256, EdDSA, Ed25519",
    ),
    "no path": (
        {"AUDIENCE": "https://tools.example/"},
        "AUDIENCE: has no path; name the MCP endpoint, as in https://tools.example/mcp",
    ),
    "no secret": (
        {"CLIENT_SECRET_FILE": "/nowhere"},
        "CLIENT_SECRET_FILE: /nowhere cannot be read (FileNotFoundError); name a readable file",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_names_the_setting_that_is_wrong(parts: Any, environ: dict[str, str], case: str) -> None:
    change, problem = BAD[case]
    settings = parts("settings")
    with pytest.raises(settings.SettingsError) as caught:
        settings.Settings.from_environ(environ | change)
    assert str(caught.value) == f"mcp-server: cannot start, 1 problem(s):\n  - {problem}"


def test_takes_plain_http_with_a_loopback_issuer_alone(parts: Any, environ: dict[str, str]) -> None:
    """The secret and the tokens of another issuer would cross a network."""
    settings = parts("settings")
    assert settings.Settings.from_environ(environ).token_url == "http://auth-server:9000/oauth/token"
    for issuer in ("http://issuer.example", "http://localhost.example", "https://issuer.example"):
        with pytest.raises(settings.SettingsError) as caught:
            settings.Settings.from_environ(environ | {"ISSUER": issuer})
        assert f"\n  - TOKEN_URL: {NO_URL}" in str(caught.value)


class Answers:
    """Answers each request with the next of these pages, the last one again and again."""

    def __init__(self, *pages: tuple[int, bytes]) -> None:
        self.pages = list(pages)
        self.asked: list[Any] = []

    def get(self, _url: str, **options: Any) -> requests.Response:
        """Return the next page."""
        self.asked.append(dict(options["params"]))
        response = requests.Response()
        response.status_code, response._content = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        return response


TIMESHEET = b'{"date":"2026-11-02","project":"%s","hours":"%s","approved_by":null}'


def page(cursor: bytes, *timesheets: bytes) -> tuple[int, bytes]:
    return 200, b'{"timesheets":[%s],"next_cursor":%s}' % (b",".join(timesheets), cursor)


def test_adds_the_hours_of_all_pages_exactly(parts: Any) -> None:
    first = page(b'"2"', TIMESHEET % (b"B", b"0.10"), TIMESHEET % (b"A", b"7.25"))
    session = Answers(first, page(b"null", TIMESHEET % (b"B", b"0.20")))
    api = parts("timesheets_api").TimesheetsApi(session, "http://api.example/")
    assert api.hours_per_project(*DAYS) == {"A": "7.25", "B": "0.30"}
    asked = {"from": "2026-11-01", "to": "2026-11-30", "limit": "500"}
    assert session.asked == [asked, asked | {"cursor": "2"}]


def test_reads_the_entries_of_one_person(parts: Any) -> None:
    session = Answers(page(b"null", TIMESHEET % (b"A", b"7.25")))
    timesheets_api = parts("timesheets_api")
    found = timesheets_api.TimesheetsApi(session, "http://api.example").entries("C-1001", *DAYS)
    assert found == [timesheets_api.Entry("2026-11-02", "A", "7.25", approved=False)]
    assert session.asked[0]["user_id"] == "C-1001"


def test_stops_after_the_most_pages_that_one_call_may_read(parts: Any) -> None:
    session = Answers(page(b'"1"'))
    timesheets_api = parts("timesheets_api")
    with pytest.raises(timesheets_api.TooManyError):
        timesheets_api.TimesheetsApi(session, "http://api.example").hours_per_project(*DAYS)
    assert len(session.asked) == timesheets_api.MOST_PAGES


UNUSABLE = {
    "an error": ((503, b'{"detail": "later"}'), "status 503"),
    "a refusal": ((403, b"{}"), "status 403"),
    "no JSON": ((502, b"<html>"), "JSONDecodeError"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_takes_no_other_answer(parts: Any, case: str) -> None:
    answer, reason = UNUSABLE[case]
    timesheets_api = parts("timesheets_api")
    api = timesheets_api.TimesheetsApi(Answers(answer), "http://api.example")
    with pytest.raises(timesheets_api.ApiError, match=reason):
        api.hours_per_project(*DAYS)


def test_takes_a_refusal_of_the_query_for_the_callers_fault(parts: Any) -> None:
    timesheets_api = parts("timesheets_api")
    api = timesheets_api.TimesheetsApi(Answers((400, b'{"detail": "user_id"}')), "http://api.example")
    with pytest.raises(timesheets_api.WrongQueryError):
        api.entries("\0", *DAYS)


def test_keeps_a_connection_for_each_thread_in_which_fastmcp_runs_tools(
    parts: Any, environ: dict[str, str]
) -> None:
    timesheets_api = parts("timesheets_api")
    api = timesheets_api.open_api(parts("settings").Settings.from_environ(environ))
    adapter = api._session.get_adapter("http://api.example")
    assert adapter._pool_maxsize == timesheets_api.THREADS == 40


def test_its_secrets_are_made_for_the_overlay_alone_and_deleted_with_the_others(
    new_stack: Callable[[], Stack],
) -> None:
    stack = new_stack()
    make = ("stack/secrets", sys.executable, "-Es", "stack/local.py", "exec", "calling-service")
    secrets = stack.folder / ".secrets"
    own = {"mcp-server/timesheets-mcp-server", "mcp-client/hours-agent", "mcp-client/payroll-agent.pem"}
    own |= {f"auth-server/{name}.sha256" for name in ("timesheets-mcp-server", "hours-agent")}
    own |= {"auth-server/payroll-agent.jwks"}
    assert stack.run(*make).returncode == 0
    samples = {str(file.relative_to(secrets)) for file in secrets.glob("*/*")}
    assert stack.run(*make, OVERLAY="mcp-server").returncode == 0
    assert {str(file.relative_to(secrets)) for file in secrets.glob("*/*")} == samples | own
    assert samples.isdisjoint(own)
    stack.run("stack/secrets", "clean")
    assert not secrets.exists()
