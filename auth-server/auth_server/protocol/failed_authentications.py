"""Count failed authentications per client id and address; above the limit, a failing request gets 429.

A right credential is always accepted, and nothing sleeps. In memory, each worker counts for itself.
"""

import logging
import threading
import time

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from auth_server.errors import InvalidClientError

log = logging.getLogger(__name__)


class FailedAuthentications:
    """Counts failures in a storage of the limits library; none if `limit`, per minute, is 0."""

    def __init__(self, limit: int, storage_url: str) -> None:
        self._limit = RateLimitItemPerMinute(limit) if limit else None
        self._storage_url = storage_url
        self._opened: FixedWindowRateLimiter | None = None
        self._lock = threading.Lock()

    def count(self, error: InvalidClientError, client_id: str | None, address: str) -> InvalidClientError:
        """Count a failure and return the error to answer with: the same one, or 429 (RFC 6585 4)."""
        key = (client_id or "", address)
        try:
            if not self._limit or self._limiter().hit(self._limit, *key):
                return error
            reset = self._limiter().get_window_stats(self._limit, *key).reset_time
        except StorageError:
            log.exception("failed authentications are not counted")
            return error
        wait = max(1, round(reset - time.time()))
        return InvalidClientError(
            "Too many failed authentications. Try again later.",
            reason=f"{error.reason}; too many failed authentications",
            status=429,
            headers={"Retry-After": str(wait)},
        )

    def _limiter(self) -> FixedWindowRateLimiter:
        """Open the storage at the first failure: in memory it starts a thread, which a fork would lose."""
        with self._lock:
            if self._opened is None:
                storage = storage_from_string(self._storage_url, wrap_exceptions=True)
                self._opened = FixedWindowRateLimiter(storage)
            return self._opened
