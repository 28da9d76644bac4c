"""The keys of one issuer, remembered by three clocks. Not here: where they come from (key_places.py)."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread

from auth_server.clients.public_keys import ClientKey, KeyFileError

log = logging.getLogger(__name__)

Keys = Sequence[ClientKey]
Fits = Callable[[ClientKey], bool]


class KeysUnavailableError(Exception):
    """Nobody can say now whether a token is good; the message says why."""


@dataclass(eq=False)
class IssuerKeys:
    """Fetches when a key is asked for, in the background; threads may share it. Durations in seconds.

    After `soft_ttl` the keys are fetched again; after `hard_ttl` without a fetch they are no longer trusted;
    `cooldown` is the least time between two fetches, or `retry` while there are no trusted keys. `waiting`
    is held by the one request of this process that waits for a fetch, for `max_wait` at most: a slow issuer
    must not hold every thread.
    """

    fetch: Callable[[], Keys]  # raises OSError or KeyFileError
    waiting: Lock
    soft_ttl: float = 300
    hard_ttl: float = 86400
    cooldown: float = 30
    retry: float = 1
    max_wait: float = 1
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._keys: Keys = ()
        self._fetched_at = -math.inf
        self._began_at = -math.inf
        self._ended = Event()  # of the latest fetch
        self._ended.set()
        self._lock = Lock()

    def find(self, fits: Fits) -> Keys:
        """Return the keys that fit, after a fetch if none does; raise KeysUnavailableError."""
        if self._age() > self.soft_ttl:
            self._begin()
        found = self._fitting(fits)
        if not found:
            self._wait_for(self._begin())
            found = self._fitting(fits)
        if not found and not self._is_trusted():
            raise KeysUnavailableError("there are no keys of the issuer")
        return found

    def _age(self) -> float:
        return self.clock() - self._fetched_at

    def _is_trusted(self) -> bool:
        return self._age() <= self.hard_ttl

    def _fitting(self, fits: Fits) -> Keys:
        return [key for key in self._keys if fits(key)] if self._is_trusted() else []

    def _begin(self) -> Event:
        """Begin a fetch, unless one runs or the last began a moment ago; return the event of its end."""
        with self._lock:
            pause = self.cooldown if self._is_trusted() else self.retry
            if self._ended.is_set() and self.clock() >= self._began_at + pause:
                self._began_at = self.clock()
                self._ended = Event()
                Thread(target=self._refresh, args=(self._ended,), name="issuer-keys", daemon=True).start()
            return self._ended

    def _refresh(self, ended: Event) -> None:
        began_at = self._began_at
        try:
            self._keys = self.fetch()
            self._fetched_at = began_at
        except (OSError, KeyFileError) as failure:
            log.warning("an issuer's keys were not fetched", extra={"reason": str(failure)})
        finally:
            ended.set()

    def _wait_for(self, ended: Event) -> None:
        if ended.is_set():
            return
        if not self.waiting.acquire(blocking=False):
            raise KeysUnavailableError(
                "the issuer's keys are being fetched, and another request waits for them"
            )
        try:
            if not ended.wait(self.max_wait):
                raise KeysUnavailableError("the issuer's keys are still being fetched")
        finally:
            self.waiting.release()
