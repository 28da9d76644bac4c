"""The issuer's keys. Not here: fetching them (issuer_documents.py), which ones are usable (jwk_set.py)."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from .access_token import IssuerKey
from .jwk_set import usable_keys
from .refusals import UnavailableError

if TYPE_CHECKING:  # leave the module out if you keep no file
    from .key_set_file import KeySetFile

RETRY = 1.0  # seconds between fetches while there is no usable set
log = logging.getLogger(__name__)


class _KeySet(NamedTuple):  # one value, so that a reader never sees new keys with an old time
    keys: Mapping[str, IssuerKey]
    fetched_at: float  # by the monotonic clock
    unix_time: float = -math.inf  # when that fetch began


@dataclass(eq=False)
class IssuerKeys:
    """The keys of one issuer, fetched by one background thread in each process.

    `fetch` returns a JWK set, or raises OSError or ValueError. Three clocks, in seconds: after `soft_ttl` the
    set is fetched again, in the background; after `hard_ttl` without a fetch it is no longer trusted;
    `cooldown` is the least time between two fetches for an unknown `kid`. A request waits for a fetch until
    `max_wait` after the fetch began: a flood must not hold every thread. With a `file`, the last set outlives
    a restart, and each process takes what another one fetched later than itself.
    """

    fetch: Callable[[], Any]
    soft_ttl: float = 300
    hard_ttl: float = 86400
    cooldown: float = 30
    max_wait: float = 1
    clock: Callable[[], float] = time.monotonic
    file: "KeySetFile | None" = None

    def __post_init__(self) -> None:
        self._set = _KeySet({}, -math.inf)
        self._failure = ""  # of the last fetch
        self._fetches = 0  # that have ended
        self._fetching = False
        self._fetch_began = -math.inf
        self._cooldown_ends = -math.inf
        self._changed = Condition()
        self._wake = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread that fetches, unless it runs in this process already (a fork loses it)."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._take_from_file()
                self._fetch_began = time.monotonic()
                self._thread = Thread(target=self._run, name="issuer-keys", daemon=True)
                self._thread.start()

    def find(self, kid: str) -> IssuerKey | None:
        """Return the key named `kid` or None; raise UnavailableError. Only an unknown `kid` waits."""
        key = self.usable().get(kid)
        if key is None and self._take_from_file():
            key = self.usable().get(kid)
        if key is None:
            self._fetch_for_unknown_kid()
            # During the cooldown too: a fetch may have ended since the last look.
            key = self.usable().get(kid)
        return key

    def usable(self) -> Mapping[str, IssuerKey]:
        """Return the keys by `kid`, at least one; raise UnavailableError."""
        if self.clock() - self._set.fetched_at > self.soft_ttl:
            self.start()
            with suppress(UnavailableError):  # if the first fetch takes too long, the set of the file serves
                self._wait_for_fetch(0)
        present = self._set
        if not self._is_trusted(present):
            raise UnavailableError("no usable key set")
        return present.keys

    def refresh(self) -> None:
        """Fetch the set now. A failure is logged; the present set then stays until its hard time."""
        self._fetching = True
        self._fetch_began = time.monotonic()
        began = self.clock()
        unix_time = time.time()
        try:
            keys = usable_keys(self.fetch(), self._set.keys)
            with self._changed:
                if began >= self._set.fetched_at:  # or else the file had a later one meanwhile
                    self._set = _KeySet(keys, self.clock(), unix_time)
            self._failure = ""
            if self.file:
                self.file.keep(keys.values(), unix_time)
        except (OSError, ValueError) as failure:
            level = logging.DEBUG if str(failure) == self._failure else logging.WARNING
            self._failure = str(failure)
            log.log(level, "key set not fetched", extra={"reason": self._failure})
            self._take_from_file()
        finally:
            with self._changed:
                self._fetching = False
                self._fetches += 1
                self._changed.notify_all()

    def _take_from_file(self) -> bool:
        """Take the set of the file if it was fetched later than the present one; return whether it was."""
        if not self.file:
            return False
        with self._changed:
            try:
                kept = self.file.news()
                if not kept or kept.fetched_at <= self._set.unix_time:
                    return False
                keys = usable_keys(kept.document, self._set.keys)
            except (OSError, ValueError) as failure:
                log.warning("key set file ignored", extra={"reason": str(failure)})
                return False
            self._set = _KeySet(keys, self.clock() - kept.age, kept.fetched_at)
        log.info("key set taken from its file", extra={"age": round(kept.age)})
        return True

    def _is_trusted(self, key_set: _KeySet) -> bool:
        return bool(key_set.keys) and self.clock() - key_set.fetched_at <= self.hard_ttl

    def _run(self) -> None:
        while True:
            self._wake.wait(self._pause())
            self._wake.clear()
            self.refresh()

    def _pause(self) -> float:
        if not self._fetches:
            return 0
        if not self._is_trusted(self._set):
            return RETRY
        return min(self.cooldown, self.soft_ttl) if self._failure else self.soft_ttl

    def _fetch_for_unknown_kid(self) -> None:
        """Wait for the fetch that runs, or for a new one; do nothing during the cooldown."""
        with self._changed:
            if not self._fetching:
                if self.clock() < self._cooldown_ends:
                    return
                self._cooldown_ends = self.clock() + self.cooldown
                self._fetching = True
                self._fetch_began = time.monotonic()
                self._wake.set()
                self.start()
            self._wait_for_fetch(self._fetches)

    def _wait_for_fetch(self, after: int) -> None:
        """Wait until more than `after` fetches have ended; raise UnavailableError if that takes too long."""
        with self._changed:
            waits_until = self._fetch_began + self.max_wait
            left = max(waits_until - time.monotonic(), 0)
            if not self._changed.wait_for(lambda: self._fetches > after, left):
                raise UnavailableError("the key set is still being fetched")
