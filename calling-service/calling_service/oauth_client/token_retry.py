"""When a token request is made again: it has no answer, or the answer says that a later one may succeed.

Each try is a request of its own, with a new assertion and a new proof, because a server accepts these once
(RFC 7523 3, RFC 9449 11.1). So mount no Retry on the session of a token source.
"""

from collections.abc import Callable
from typing import TypeVar

from .retry import BACKOFF, LONGEST_RETRY_AFTER, NO_ANSWER, TOO_BUSY
from .token_request import TokenError

T = TypeVar("T")


def try_again(ask: Callable[[], T], retries: int, sleep: Callable[[float], None]) -> T:
    """Return what `ask` returns, asking up to `retries` times more; raise the last TokenError."""
    for earlier in range(retries):
        try:
            return ask()
        except TokenError as error:
            if not _may_pass(error):
                raise
            sleep(error.retry_after or _pause(earlier))
    return ask()


def _may_pass(error: TokenError) -> bool:
    is_temporary = error.error == "unreachable" or error.status in TOO_BUSY | NO_ANSWER
    return is_temporary and error.retry_after <= LONGEST_RETRY_AFTER


def _pause(earlier: int) -> float:
    """Return the seconds before a retry, by the number of those before it: the first comes at once."""
    return BACKOFF * 2**earlier if earlier else 0.0
