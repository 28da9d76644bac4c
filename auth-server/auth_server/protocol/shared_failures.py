"""Count failures in a Redis or Valkey that replicas share; where it is down or hangs, they are not counted.

No request waits for the store: looking up its name alone can take seconds, whatever time-outs a client has. A
thread counts, and the next failing request of the same key meets what the thread has learnt.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, cast

from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

log = logging.getLogger(__name__)

TIMEOUT = 1  # seconds for the store to answer; only the thread waits
PAUSE = 1  # seconds between two attempts, while the store is away
LONGEST_QUEUE = 1000  # failures that wait to be counted; more are not counted

Key = tuple[str, str]  # client id and address


class SharedFailures:
    """Hands failures to a thread, which counts them in the store that `store` opens; `now` in Unix time.

    While the store is away, the thread tries once in `pause` seconds.
    """

    def __init__(
        self,
        limit: RateLimitItem,
        store: Callable[[], Storage],
        now: Callable[[], float] = time.time,
        pause: float = PAUSE,
    ) -> None:
        self._limit = limit
        self._store = store
        self._now = now
        self._pause = pause
        self._waiting: Queue[Key] = Queue(LONGEST_QUEUE)
        self._above: dict[Key, float] = {}  # until when, in Unix time
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def hit(self, key: Key) -> float:
        """Have a failure counted; return when the key may fail again, in Unix time, or 0. Never wait."""
        reset = self._above.get(key, 0)
        if reset > self._now():
            return reset
        with self._lock:
            if self._thread is None:  # not earlier: a fork would lose it
                self._thread = threading.Thread(target=self._count_all, daemon=True)
                self._thread.start()
        with suppress(Full):
            self._waiting.put_nowait(key)
        return 0

    def _count_all(self) -> None:
        limiter = FixedWindowRateLimiter(self._store())
        answers = True
        while True:
            key = self._waiting.get()
            try:
                self._count(limiter, key)
            except Exception as error:  # noqa: BLE001  whatever it is, the thread has to go on
                if answers:
                    log.warning("failed authentications are not counted: %s", _cause(error))
                answers = False
                time.sleep(self._pause)
                self._forget_waiting()
            else:
                if not answers:
                    log.warning("failed authentications are counted again")
                answers = True

    def _count(self, limiter: FixedWindowRateLimiter, key: Key) -> None:
        if limiter.hit(self._limit, *key):
            return
        now = self._now()
        still = {known: reset for known, reset in self._above.items() if reset > now}
        self._above = still | {key: limiter.get_window_stats(self._limit, *key).reset_time}

    def _forget_waiting(self) -> None:
        """Drop what queued up meanwhile: counted later, it would count for a later minute."""
        with suppress(Empty):
            while True:
                self._waiting.get_nowait()


def _cause(error: Exception) -> object:
    return error.storage_error if isinstance(error, StorageError) else error


class PasswordFile:
    """The password of the store, read again for each connection."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get_credentials(self) -> tuple[str]:
        """Return the password; the client calls this."""
        return (self.read(),)

    def read(self) -> str:
        """Return the password; raise OSError, or ValueError if the file is empty."""
        password = self._file.read_text("utf-8").strip()
        if not password:
            raise ValueError("is empty")
        return password


def open_store(url: str, password_file: Path | None = None) -> Storage:
    """Return the store of a URL, without connecting to it."""
    options: dict[str, Any] = {"socket_connect_timeout": TIMEOUT, "socket_timeout": TIMEOUT}
    if password_file:
        options["credential_provider"] = PasswordFile(password_file)
    if url.startswith(("rediss:", "valkeys:")):
        options["ssl_check_hostname"] = True  # valkey-py's default is not to
    return cast(Storage, storage_from_string(url, wrap_exceptions=True, **options))
