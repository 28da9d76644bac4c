"""When a call is sent again by itself: the connection failed, or the server says that it is overloaded.

Every call of this service may be repeated, its POSTs too: a token request changes nothing, and the API books
an entry that comes again only once. But a client assertion is taken once (RFC 7523 3, jti), so that a request
with one is sent again only if it cannot have arrived.
"""

from urllib3.util import Retry

PAUSE = 0.5  # seconds before the second retry, doubled for each one after it; the first comes at once
LONGEST_RETRY_AFTER = 10  # seconds; whoever asks for longer is asked again all the same, and then given up


def patience(retries: int, *, unless_arrived: bool = False) -> Retry:
    """Return what a requests adapter takes as max_retries; the last answer is returned, whatever it is."""
    others = 0 if unless_arrived else retries
    return Retry(
        retries,
        read=others,
        status=others,
        other=others,
        redirect=0,
        status_forcelist={429, 503},
        allowed_methods=None,  # any
        backoff_factor=PAUSE,
        retry_after_max=LONGEST_RETRY_AFTER,
        raise_on_status=False,
        raise_on_redirect=False,
    )
