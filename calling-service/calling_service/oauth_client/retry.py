"""When a call is sent again by itself: the connection failed, or the server says that it is overloaded.

Every call of this service may be repeated, its POSTs too: a token request changes nothing, and the API books
an entry that comes again only once. But a client assertion is taken once (RFC 7523 3, jti), so that a request
with one is sent again only if it cannot have arrived.
"""

from typing import Any

from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError
from urllib3.util import Retry

PAUSE = 0.5  # seconds before the second retry, doubled for each one after it; the first comes at once
LONGEST_RETRY_AFTER = 10  # seconds; a server that asks for longer is not waited for


class Patience(Retry):
    """A Retry that never comes back before a server wants it to, and gives up at once if that is long."""

    def parse_retry_after(self, retry_after: str) -> float:
        """Return seconds; nonsense counts as none."""
        try:
            return super().parse_retry_after(retry_after)
        except (InvalidHeader, ValueError):
            return 0

    def increment(self, *args: Any, **call: Any) -> "Patience":
        """Count one more attempt; raise MaxRetryError, upon which the answer is the caller's."""
        response = call.get("response")
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_RETRY_AFTER:
            raise MaxRetryError(call["_pool"], response.geturl(), ResponseError("asks for a long pause"))
        return super().increment(*args, **call)


def patience(retries: int, *, unless_arrived: bool = False) -> Patience:
    """Return what a requests adapter takes as max_retries; the last answer is returned, whatever it is."""
    others = 0 if unless_arrived else retries
    return Patience(
        retries,
        read=others,
        status=others,
        other=others,
        redirect=0,
        status_forcelist={429, 503},
        allowed_methods=None,  # any
        backoff_factor=PAUSE,
        raise_on_status=False,
        raise_on_redirect=False,
    )
