"""Count failed logins per client id and address; above the limit a failing request is told to wait.

A right credential is always served, and nothing sleeps. In memory each worker counts for itself.
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


class FailedLogins:
    """Counts failures a minute, none where `limit` is 0, in a storage of the limits library."""

    def __init__(self, limit: int, storage_url: str) -> None:
        self._limit = RateLimitItemPerMinute(limit) if limit else None
        self._storage_url = storage_url
        self._opened: FixedWindowRateLimiter | None = None
        self._lock = threading.Lock()

    def refuse(self, error: InvalidClientError, client_id: str | None, address: str) -> InvalidClientError:
        """Count a failure and give the error to answer with: the same one, or 429 (RFC 6585 4)."""
        if not self._limit:
            return error
        try:
            limiter = self._limiter()
            if limiter.hit(self._limit, client_id or "", address):
                return error
            reset = limiter.get_window_stats(self._limit, client_id or "", address).reset_time
        except StorageError:
            log.exception("failed logins are not counted")
            return error
        wait = max(1, round(reset - time.time()))
        return InvalidClientError(
            "Too many failed logins. Try again later.",
            reason=f"{error.reason}; too many failed logins",
            status=429,
            headers={"Retry-After": str(wait)},
        )

    def _limiter(self) -> FixedWindowRateLimiter:
        """Open the storage at the first failure: in memory it starts a thread, which no fork takes along."""
        with self._lock:
            if self._opened is None:
                storage = storage_from_string(self._storage_url, wrap_exceptions=True)
                self._opened = FixedWindowRateLimiter(storage)
            return self._opened
