"""Read the Timesheets API as a client of its own, whoever asks. No caller's token comes here."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import requests
from oauth_client.bearer_auth import BearerAuth, InsufficientScopeError
from oauth_client.retry import retry_policy
from oauth_client.token_source import TokenError, TokenSource

from mcp_server.settings import Settings

SCOPE = "read:timesheets"
PAGE = 500  # timesheets, the most that the API returns at once
MOST_PAGES = 20
TIMEOUT = (3.0, 10.0)  # seconds to connect and to read
RETRIES = 2
THREADS = 40  # in which FastMCP runs tools; for each a connection is kept


class ApiError(Exception):
    """The Timesheets API gave no usable answer; the message holds no token, and is for the log alone."""


class WrongQueryError(Exception):
    """The Timesheets API refuses what it is asked for."""


class TooManyError(Exception):
    """There are more timesheets than one call may read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tool shows of a timesheet; `hours` with two decimals."""

    date: str
    project: str
    hours: str
    approved: bool


class TimesheetsApi:
    """Calls the API with a token of this server; threads may share it."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/") + "/timesheets"

    def entries(self, user_id: str, first: date, last: date) -> list[Entry]:
        """Return a person's entries between two dates, both included; raise one of the errors above."""
        found = self._timesheets({"user_id": user_id, "from": first.isoformat(), "to": last.isoformat()})
        return [Entry(one["date"], one["project"], one["hours"], bool(one["approved_by"])) for one in found]

    def hours_per_project(self, first: date, last: date) -> dict[str, str]:
        """Return the hours of each project between two dates, both included; raise the same errors."""
        hours: dict[str, Decimal] = {}
        for one in self._timesheets({"from": first.isoformat(), "to": last.isoformat()}):
            hours[one["project"]] = hours.get(one["project"], Decimal(0)) + Decimal(one["hours"])
        return {project: str(hours[project]) for project in sorted(hours)}

    def _timesheets(self, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        query = {**filters, "limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            page = self._page(query)
            yield from page["timesheets"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]
        raise TooManyError

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        try:
            response = self._session.get(self._url, params=query, timeout=TIMEOUT, allow_redirects=False)
            page: dict[str, Any] = response.json()
        except (requests.RequestException, TokenError, InsufficientScopeError) as error:
            raise ApiError(f"{type(error).__name__}: {error}") from error
        if response.status_code == requests.codes.bad_request:
            raise WrongQueryError
        if response.status_code != requests.codes.ok:
            raise ApiError(f"status {response.status_code}")
        return page


def open_api(settings: Settings) -> TimesheetsApi:
    """Return the API, called with this server's own client_id and secret."""
    source = TokenSource(
        issuer=settings.issuer,
        client_id=settings.client_id,
        secret_file=settings.client_secret_file,
        token_url=settings.token_url,
        session=_session(),
        timeout=TIMEOUT,
    )
    session = _session()
    session.auth = BearerAuth(
        source, api_url=settings.api_url, audience=settings.api_audience, scopes=[SCOPE]
    )
    return TimesheetsApi(session, settings.api_url)


def _session() -> requests.Session:
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=THREADS, max_retries=retry_policy(RETRIES))
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session
