"""The timesheets now in the API, as the page shows them; these calls are not recorded.

The page reads them with its own token, which has only the scope for reading. Not here: uploads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from calling_service.oauth_client.bearer_auth import InsufficientScopeError
from calling_service.oauth_client.dpop_auth import auth_for
from calling_service.oauth_client.token_source import TokenError, TokenSource

SCOPES = ("read:timesheets",)
LIMIT = 500  # timesheets that are read; those beyond are not counted
SHOWN = 8
TIMEOUT = (1.0, 2.0)  # connect, read, in seconds: the page waits for it


@dataclass(frozen=True, slots=True)
class BookedTimesheets:
    """The newest timesheets, out of `count` or more; or why they could not be read."""

    newest: Sequence[Mapping[str, Any]] = ()
    count: int = 0
    has_more: bool = False
    fault: str | None = None


class TimesheetsReader:
    """Reads the timesheets of one API."""

    def __init__(self, tokens: TokenSource, api_url: str, audience: str) -> None:
        self._url = api_url.rstrip("/") + "/timesheets"
        self._session = tokens.session  # with the same CAs and client certificate
        self._auth = auth_for(tokens, api_url=api_url, audience=audience, scopes=SCOPES)

    def read(self) -> BookedTimesheets:
        """Return what is booked; a failure of another service is in the result and raises nothing."""
        body = None
        try:
            response = self._session.get(
                self._url,
                params={"limit": LIMIT},
                timeout=TIMEOUT,
                allow_redirects=False,
                auth=self._auth,
                verify=self._session.verify,  # also where REQUESTS_CA_BUNDLE names other CAs
            )
            if response.status_code == 200:
                body = response.json()
        except TokenError as error:
            return BookedTimesheets(fault=f"no token to read them with: {error.description}")
        except (requests.RequestException, RecursionError, InsufficientScopeError) as error:
            return BookedTimesheets(fault=f"the API gave no usable answer ({type(error).__name__})")
        if not isinstance(body, dict) or not isinstance(body.get("timesheets"), list):
            return BookedTimesheets(fault=f"the API answered {response.status_code}")
        timesheets = body["timesheets"]
        newest = timesheets[: -SHOWN - 1 : -1]
        return BookedTimesheets(newest, len(timesheets), body.get("next_cursor") is not None)
