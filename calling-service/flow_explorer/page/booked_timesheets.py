"""The timesheets now in the API, as the page shows them: read with a token of this service's own, unrecorded.

The token is another one than the import's, with the one scope that reading takes. Not here: uploads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import requests
from calling_service.oauth_client.bearer_auth import BearerAuth, InsufficientScopeError
from calling_service.oauth_client.token_source import TokenError, TokenSource

SCOPES = ("read:timesheets",)
PAGE = 500  # timesheets that are read; those beyond are not counted
SHOWN = 8
TIMEOUT = (1.0, 2.0)  # connect, read, in seconds: the page waits for it

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Books:
    """The last timesheets, the newest first, out of `count` or more; or why they could not be read."""

    latest: Sequence[Document] = ()
    count: int = 0
    more: bool = False
    fault: str | None = None


class BooksReader:
    """Reads the books of one API."""

    def __init__(self, tokens: TokenSource, api_url: str, audience: str) -> None:
        self._url = api_url.rstrip("/") + "/timesheets"
        self.session = requests.Session()
        self.session.auth = BearerAuth(tokens, api_url=api_url, audience=audience, scopes=SCOPES)

    def read(self) -> Books:
        """Return what is booked; never raise for what another service does."""
        try:
            answer = self.session.get(
                self._url, params={"limit": PAGE}, timeout=TIMEOUT, allow_redirects=False
            )
            body = answer.json() if answer.status_code == 200 else None
        except TokenError as error:
            return Books(fault=f"no token to read them with: {error.description}")
        except (requests.RequestException, RecursionError, InsufficientScopeError) as error:
            return Books(fault=f"the API gave no usable answer ({type(error).__name__})")
        if not isinstance(body, dict) or not isinstance(found := body.get("timesheets"), list):
            return Books(fault=f"the API answered {answer.status_code}")
        return Books(found[: -SHOWN - 1 : -1], len(found), body.get("next_cursor") is not None)
