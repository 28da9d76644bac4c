"""When a call is sent again by itself: the connection failed, or the server says that it is overloaded.

Every call of the import job may be repeated, its POSTs too: a token request changes nothing, and the API
books an entry that comes again only once. But an authorization server accepts a client assertion only once
(RFC 7523 3, jti), so a request with one is sent again only if it cannot have arrived.
"""

from contextlib import suppress
from typing import Any

from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError
from urllib3.util import Retry

BACKOFF = 0.5  # seconds before the second retry, doubled for each one after it; the first comes at once
LONGEST_RETRY_AFTER = 10  # seconds; if a server asks for more, its answer is returned instead


class BoundedRetry(Retry):
    """A Retry that respects Retry-After (RFC 9110 10.2.3), and gives up at once if that is long."""

    def parse_retry_after(self, retry_after: str) -> float:
        """Return the header's value in seconds; 0 if it is not valid."""
        with suppress(InvalidHeader, ValueError):
            return super().parse_retry_after(retry_after)
        return 0

    def increment(self, *args: Any, **call: Any) -> "BoundedRetry":
        """Count one more attempt; raise MaxRetryError, after which the caller gets the answer."""
        response = call.get("response")
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_RETRY_AFTER:
            raise MaxRetryError(call["_pool"], response.geturl(), ResponseError("Retry-After is too long"))
        return super().increment(*args, **call)


def retry_policy(retries: int, *, connect_only: bool = False) -> BoundedRetry:
    """Return the `max_retries` of a requests adapter; the last answer is returned, whatever its status.

    With `connect_only`, a request is sent again only if it cannot have arrived.
    """
    after_sending = 0 if connect_only else retries
    return BoundedRetry(
        retries,
        read=after_sending,
        status=after_sending,
        other=after_sending,
        redirect=0,
        status_forcelist={429, 503},
        allowed_methods=None,  # any
        backoff_factor=BACKOFF,
        raise_on_status=False,
        raise_on_redirect=False,
    )
