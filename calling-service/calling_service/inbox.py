"""The exports that lie in the inbox, which is only read: which of them are complete, and what is in them.

A file that changed a moment ago is looked at twice; one whose last line has no end is given a minute. What is
taken for complete too early loses nothing all the same: once it has grown it is another content and imported.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SETTLED_AFTER = 60.0  # seconds without a change after which a last line without an end counts as complete


@dataclass(frozen=True, slots=True)
class Export:
    """A CSV file and its content's SHA-256; a file that is still being written is not complete."""

    path: Path
    digest: str
    lines: int
    complete: bool
    stamp: tuple[int, ...]

    def is_unchanged(self) -> bool:
        """Say whether the file is still the one whose content this is, as far as its metadata tell."""
        return self.path.exists() and _stamp(self.path) == self.stamp

    @property
    def name(self) -> str:
        """Return the name that people know the file by."""
        return self.path.name


def exports(
    inbox: Path, settling: float, now: float, pause: Callable[[float], None] = time.sleep
) -> Iterator[Export]:
    """Yield the exports in the order of their names; `now` is in seconds since the epoch, as st_mtime is.

    Files that changed within the last `settling` seconds are given as many, and must not change in them.
    """
    found = (
        path
        for path in inbox.iterdir()
        if path.suffix.lower() == ".csv" and not path.name.startswith(".") and path.is_file()
    )
    # By stem, so that an addition ("week-late.csv") follows what it adds to ("week.csv").
    paths = sorted(found, key=lambda path: (path.stem, path.name))
    before = [_stamp(path) for path in paths]
    if any(now - path.stat().st_mtime < settling for path in paths):
        pause(settling)
    for path, stamp in zip(paths, before, strict=True):
        yield _read(path, stamp, now)


def _read(path: Path, before: tuple[int, ...], now: float) -> Export:
    digest, lines, last = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
    after = path.stat()
    whole = last == b"\n" or now - after.st_mtime > SETTLED_AFTER
    complete = whole and _stamp(path) == before
    return Export(path, digest.hexdigest(), lines + (last != b"\n"), complete, before)


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
