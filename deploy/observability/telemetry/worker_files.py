"""Where workers keep their values: a slot of files for each, in one folder in memory, which a scrape adds up.

prometheus_client names the files after process ids: each worker that is replaced leaves its files, and a full
folder kills a worker by SIGBUS. Here a slot has a number, and a lock that the system releases when the worker
dies, however it dies. The next worker takes the slot and counts on, so that counters never go back. The room
of a slot is allocated when it is taken.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import count
from pathlib import Path

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue, MutexValue

KIB = 1024
ROOM = {  # bytes; a test shows that all series fit
    "counter": 128 * KIB,
    "histogram": 256 * KIB,
    "gauge_livesum": 64 * KIB,
    "gauge_livemin": 64 * KIB,
}


@dataclass(frozen=True, slots=True)
class Slot:
    """The slot of this worker, as long as the lock is open."""

    number: int
    lock: TextIOWrapper


def take_slot(folder: Path) -> Slot:
    """Return the first free slot, with room for all values; raise OSError if the folder has none."""
    slot = next(slot for slot in map(_taken, _locks(folder)) if slot)
    try:
        for kind, size in ROOM.items():
            _allocate(folder / f"{kind}_{slot.number}.db", size)
    except OSError:
        slot.lock.close()
        raise
    return slot


def keep_values_in(slot: Slot | None) -> None:
    """Let the metrics that are made from now on keep their values there; None: in this process alone."""
    values.ValueClass = MutexValue
    if slot:
        values.ValueClass = MultiProcessValue(lambda: slot.number)  # type: ignore[no-untyped-call]


class AllWorkers:
    """Collects the values of all workers, without the gauges of those that have died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Return the metrics."""
        of_the_dead = [f"gauge_live*_{number}.db" for number in self._dead()]
        files = [
            str(path)
            for path in self._folder.glob("*.db")
            if not any(path.match(pattern) for pattern in of_the_dead)
        ]
        yield from MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]

    def _dead(self) -> Iterator[int]:
        """Yield the slots that no worker has."""
        for lock in self._folder.glob("*.lock"):
            slot = _taken(lock)
            if slot:
                slot.lock.close()
                yield slot.number


def _allocate(path: Path, size: int) -> None:
    """Make a file with room, unless there is one; a scrape never sees one without."""
    if path.exists():
        return
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        new.rename(path)
    finally:
        new.unlink(missing_ok=True)


def _locks(folder: Path) -> Iterator[Path]:
    return (folder / f"{number}.lock" for number in count())


def _taken(path: Path) -> Slot | None:
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return Slot(int(path.stem), lock)
