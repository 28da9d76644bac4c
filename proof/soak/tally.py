"""Count how requests ended, and tell those that a fault of our own making can explain from all others."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

RIGHT = "right"
WRONG = "wrong"
ERROR = "5xx"
BROKEN = "no answer"
AFTER = 2.0  # seconds after a service is ready again in which its old connections may still break


@dataclass(frozen=True, slots=True)
class Bad:
    """A request that was not answered rightly: when it ran, on the monotonic clock, and what came."""

    kind: str
    outcome: str
    started: float
    ended: float
    what: str


@dataclass
class Tally:
    """What all threads count together."""

    sent: Counter[str] = field(default_factory=Counter)
    bad: list[Bad] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    windows: list[tuple[float, float]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, outcome: str, started: float, what: str) -> None:
        """Count one request."""
        with self.lock:
            self.sent[kind] += 1
            if outcome != RIGHT:
                self.bad.append(Bad(kind, outcome, started, time.monotonic(), what[:300]))

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Count a fault; requests that run during the block, or soon after, may break."""
        started = time.monotonic()
        yield
        self.faults[name] += 1
        self.windows.append((started, time.monotonic() + AFTER))

    def explained(self, bad: Bad) -> bool:
        """Return whether a fault explains it; nothing explains a wrong answer."""
        if bad.outcome == WRONG:
            return False
        return any(bad.started < end and start < bad.ended for start, end in self.windows)

    def unexplained(self) -> list[Bad]:
        """Return what no fault explains."""
        return [bad for bad in self.bad if not self.explained(bad)]

    def rows(self) -> list[tuple[str, int, int, int, int, int]]:
        """Return for each kind: sent, wrong, 5xx, no answer, and the last two again during a fault."""
        counts = Counter((bad.kind, bad.outcome, self.explained(bad)) for bad in self.bad)
        return [
            (
                kind,
                sent,
                counts[kind, WRONG, False],
                counts[kind, ERROR, False],
                counts[kind, BROKEN, False],
                counts[kind, ERROR, True] + counts[kind, BROKEN, True],
            )
            for kind, sent in sorted(self.sent.items())
        ]
