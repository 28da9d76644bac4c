"""The issuer's signing keys: kept fresh by one background thread per process, found by `kid`.

Not here: HTTP (issuer_documents.py), which members of a set are usable (jwk_set.py).
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from threading import Condition, Event, Thread
from typing import Any, NamedTuple

from jwt import PyJWK

from .access_token import UnavailableError
from .jwk_set import usable_keys

RETRY = 1.0  # seconds between fetches while there is no usable set
log = logging.getLogger(__name__)


class _KeySet(NamedTuple):
    keys: Mapping[str, PyJWK]
    fetched_at: float


class IssuerKeys:
    """The keys of one issuer; times in seconds. `fetch` returns a JWK set; raises OSError or ValueError.

    Callers wait for a fetch until `patience` after its beginning: if longer, a flood could hold every thread.
    """

    def __init__(
        self,
        fetch: Callable[[], Any],
        *,
        soft_ttl: float = 300,
        hard_ttl: float = 86400,
        cooldown: float = 30,
        patience: float = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._clock = fetch, clock
        self._soft_ttl, self._hard_ttl = soft_ttl, hard_ttl
        self._cooldown, self._patience = cooldown, patience
        self._set = _KeySet({}, -math.inf)
        self._fetches, self._fetching, self._failure = 0, False, ""
        self._began = -math.inf
        self._unknown_kid_fetch_allowed_at = -math.inf
        self._changed, self._wake = Condition(), Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread that fetches, unless it runs in this process already (a fork loses it)."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._began = time.monotonic()
                self._thread = Thread(target=self._run, name="issuer-keys", daemon=True)
                self._thread.start()

    def find(self, kid: str) -> PyJWK | None:
        """Return the key named `kid` or None; raise UnavailableError. Only an unknown kid waits."""
        key = self.usable().get(kid)
        if key is None and self._fetched_for_unknown_kid():
            key = self.usable().get(kid)
        return key

    def usable(self) -> Mapping[str, PyJWK]:
        """Return the keys by `kid`, at least one; raise UnavailableError."""
        if self._clock() - self._set.fetched_at > self._soft_ttl:
            self.start()
            self._wait_for_fetch(0)
        keys, fetched_at = self._set
        if not keys or self._clock() - fetched_at > self._hard_ttl:
            raise UnavailableError("kid-known", "no usable key set")
        return keys

    def refresh(self) -> None:
        """Fetch the set now; a failure is logged and leaves the present set, which the hard time ends."""
        self._fetching, self._began = True, time.monotonic()
        try:
            self._set = _KeySet(usable_keys(self._fetch(), self._set.keys), self._clock())
            self._failure = ""
        except (OSError, ValueError) as failure:
            level = logging.DEBUG if str(failure) == self._failure else logging.WARNING
            self._failure = str(failure)
            log.log(level, "key set not fetched", extra={"reason": self._failure})
        finally:
            with self._changed:
                self._fetching, self._fetches = False, self._fetches + 1
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._pause())
            self._wake.clear()
            self.refresh()

    def _pause(self) -> float:
        if not self._fetches:
            return 0
        if not self._set.keys or self._clock() - self._set.fetched_at > self._hard_ttl:
            return RETRY
        return min(self._cooldown, self._soft_ttl) if self._failure else self._soft_ttl

    def _fetched_for_unknown_kid(self) -> bool:
        with self._changed:
            if not self._fetching:
                if self._clock() < self._unknown_kid_fetch_allowed_at:
                    return False
                self._unknown_kid_fetch_allowed_at = self._clock() + self._cooldown
                self._fetching, self._began = True, time.monotonic()
                self._wake.set()
                self.start()
            self._wait_for_fetch(self._fetches)
        return True

    def _wait_for_fetch(self, after: int) -> None:
        with self._changed:
            left = self._began + self._patience - time.monotonic()
            if not self._changed.wait_for(lambda: self._fetches > after, max(left, 0)):
                raise UnavailableError("kid-known", "the key set is still being fetched")
