"""Count failed authentications per client id and address; above the limit, a failing request gets 429.

A right credential is always accepted, and nothing sleeps. In memory, each worker counts for itself. Not here:
counting in a store that replicas share (shared_failures.py).
"""

import threading
import time
from pathlib import Path
from typing import Protocol

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from auth_server.errors import InvalidClientError
from auth_server.protocol.shared_failures import Key, SharedFailures, open_store
from auth_server.settings import IN_MEMORY


class CountsFailures(Protocol):
    """Counts a failure, and returns when the key may fail again, in Unix time; 0: it is within the limit."""

    def hit(self, key: Key) -> float: ...  # noqa: D102


class FailedAuthentications:
    """Counts failures in memory or in a store that a URL names; none if `limit`, per minute, is 0."""

    def __init__(self, limit: int, storage_url: str, password_file: Path | None = None) -> None:
        self._counter: CountsFailures | None = None
        if limit and storage_url == IN_MEMORY:
            self._counter = FailuresInMemory(RateLimitItemPerMinute(limit))
        elif limit:
            item = RateLimitItemPerMinute(limit)
            self._counter = SharedFailures(item, lambda: open_store(storage_url, password_file))

    def count(self, error: InvalidClientError, client_id: str | None, address: str) -> InvalidClientError:
        """Count a failure and return the error to answer with: the same one, or 429 (RFC 6585 4)."""
        if not self._counter:
            return error
        reset = self._counter.hit((client_id or "", address))
        if not reset:
            return error
        wait = max(1, round(reset - time.time()))
        return InvalidClientError(
            "Too many failed authentications. Try again later.",
            reason=f"{error.reason}; too many failed authentications",
            status=429,
            headers={"Retry-After": str(wait)},
        )


class FailuresInMemory:
    """Counts the failures of this worker."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._limit = limit
        self._opened: FixedWindowRateLimiter | None = None
        self._lock = threading.Lock()

    def hit(self, key: Key) -> float:
        """Count a failure; return when the key may fail again, in Unix time, or 0."""
        limiter = self._limiter()
        if limiter.hit(self._limit, *key):
            return 0
        return limiter.get_window_stats(self._limit, *key).reset_time

    def _limiter(self) -> FixedWindowRateLimiter:
        """Open the storage at the first failure: it starts a thread, which a fork would lose."""
        with self._lock:
            if self._opened is None:
                self._opened = FixedWindowRateLimiter(MemoryStorage())
            return self._opened
