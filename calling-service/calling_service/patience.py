"""When a call is sent again by itself: the connection failed, or the server says that it is overloaded.

Every call of this service may be repeated, its POSTs too: a token request changes nothing, and the API books
an entry that comes again only once. A client whose calls may not must leave POST out (RFC 9110 9.2.2).
"""

from urllib3.util import Retry

PAUSE = 0.5  # seconds before the second retry, doubled for each one after it; the first comes at once
LONGEST_RETRY_AFTER = 10  # seconds; whoever asks for longer is asked again all the same, and then given up


def patience(retries: int) -> Retry:
    """Return what a requests adapter takes as max_retries; the last answer is returned, whatever it is."""
    return Retry(
        retries,
        redirect=0,
        status_forcelist={429, 503},
        allowed_methods=None,  # any
        backoff_factor=PAUSE,
        retry_after_max=LONGEST_RETRY_AFTER,
        raise_on_status=False,
        raise_on_redirect=False,
    )
