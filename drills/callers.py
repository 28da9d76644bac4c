"""Steady callers: threads that make one call after the other, and count what became of each."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drills.tally import Row

LATE = 1.0  # seconds

Reason = str  # why a call was not answered as wanted; "" if it was
Call = Callable[[], Reason]


class Callers:
    """Threads that repeat a call; `row` counts, and may be changed at any time."""

    def __init__(self, call: Call, row: Row, *, threads: int = 4, pause: float = 0.02) -> None:
        self.row = row
        self.rightly: Callable[[Reason], bool] = lambda _: False  # whether a refusal is as it should be
        self.late = LATE
        self._call = call
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def count_in(self, row: Row, *, rightly: Callable[[Reason], bool] = lambda _: False) -> None:
        """Count calls that begin from now on in another row; `rightly` says which refusals are expected."""
        self.rightly = rightly
        self.row = row

    def call_once(self) -> None:
        """Make one call and count it."""
        row = self.row
        rightly = self.rightly
        began = time.monotonic()
        reason = self._call()
        late = not reason and time.monotonic() - began > self.late
        row.add(reason=reason, refused_rightly=bool(reason) and rightly(reason), late=late)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.call_once()
            self._stop.wait(self._pause)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Let the threads call during the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def answered(row: Row, more: int) -> Callable[[], bool | None]:
    """Return a probe for `eventually`: so many more calls have been answered as wanted than now."""
    before = row.calls - row.failed - row.refused
    return lambda: row.calls - row.failed - row.refused >= before + more or None
