"""When a call is sent again by itself: the connection failed, or the server says that it is overloaded.

Every call of the import job may be repeated, its POSTs too: a token request changes nothing, and the API
books an entry that comes again only once. Not here: when a token request is made again (token_retry.py).
"""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import MaxRetryError, ResponseError
from urllib3.util import Retry

BACKOFF = 0.5  # seconds, twice this before the second retry, then doubled; the first comes at once
SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")  # a whole number by RFC 9110; some gateways send a fraction
TOO_BUSY = frozenset({429, 503})  # the server has not done what was asked
NO_ANSWER = frozenset({502, 504})  # nor has a gateway an answer: the server behind it may have done it
LONGEST_RETRY_AFTER = 10  # seconds; if a server asks for more, its answer is returned instead


class BoundedRetry(Retry):
    """A Retry that respects Retry-After (RFC 9110 10.2.3), and gives up at once if that is long."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the pause in seconds; None if the server asks for none."""
        return retry_after(response.headers, time.time()) or None

    def increment(self, *args: Any, **call: Any) -> "BoundedRetry":
        """Count one more attempt; raise MaxRetryError, after which the caller gets the answer."""
        response = call.get("response")
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_RETRY_AFTER:
            raise MaxRetryError(call["_pool"], response.geturl(), ResponseError("Retry-After is too long"))
        return super().increment(*args, **call)


def retry_policy(retries: int, *, repeatable: bool = False) -> BoundedRetry:
    """Return the `max_retries` of a requests adapter; the last answer is returned, whatever its status.

    With `repeatable`, a request is sent again also after a gateway's 502 or 504.
    """
    return BoundedRetry(
        retries,
        status_forcelist=TOO_BUSY | NO_ANSWER if repeatable else TOO_BUSY,
        allowed_methods=None,  # any
        backoff_factor=BACKOFF,
        raise_on_status=False,
    )


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Return for how many seconds Retry-After asks (RFC 9110 10.2.3); 0 if it is absent or not valid.

    A date counts from the answer's own Date, since the clocks of client and server may differ; without one,
    from `now` (Unix time).
    """
    value = headers.get("Retry-After", "").strip()
    if SECONDS.fullmatch(value):
        return float(value)
    until = _http_date(value)
    if until is None:
        return 0
    sent_at = _http_date(headers.get("Date", ""))
    return max(0.0, until - (sent_at or now))


def _http_date(text: str) -> float | None:
    """Return a date in one of the three forms of RFC 9110 5.6.7 as Unix time."""
    with suppress(ValueError, OverflowError):  # the second for an absurd time zone
        date = parsedate_to_datetime(text)
        # The form of asctime names no time zone; Python would take it for local time.
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    return None
