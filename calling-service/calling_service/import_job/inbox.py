"""The exports that lie in the inbox, which is only read: which of them are complete, and what is in them.

A file that changed a moment ago is looked at twice; one whose last line has no end is given a minute. What is
taken for complete too early loses nothing all the same: once it has grown it is another content and imported.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

SETTLED_AFTER = 60.0  # seconds without a change after which a last line without an end counts as complete


class Stamp(NamedTuple):
    """What tells that a file was written to, or replaced."""

    inode: int
    size: int
    mtime_ns: int

    @property
    def changed_at(self) -> float:
        """Return when it was written to, in seconds since the epoch."""
        return self.mtime_ns / 1e9


@dataclass(frozen=True, slots=True)
class Export:
    """A CSV file and its content's SHA-256; a file that is still being written is not complete."""

    path: Path
    digest: str
    lines: int
    complete: bool
    stamp: Stamp
    fault: str | None = None  # why it cannot be read

    def is_unchanged(self) -> bool:
        """Say whether the file is still the one whose content this is, as far as its metadata tell."""
        return _stamp(self.path) == self.stamp

    @property
    def name(self) -> str:
        """Return the name that people know the file by; what is not UTF-8 in it is escaped."""
        return os.fsencode(self.path.name).decode(errors="backslashreplace")


def exports(
    inbox: Path, settling: float, now: float, pause: Callable[[float], None] = time.sleep
) -> Iterator[Export]:
    """Yield the exports in the order of their names; `now` is in seconds since the epoch, as st_mtime is.

    Files that changed within the last `settling` seconds are given as many, and must not change in them.
    """
    named = (path for path in inbox.iterdir() if path.suffix.lower() == ".csv" and path.name[0] != ".")
    # By stem, so that an addition ("week-late.csv") follows what it adds to ("week.csv").
    paths = sorted(named, key=lambda path: (path.stem, path.name))
    found = [(path, stamp) for path in paths if (stamp := _stamp(path))]
    if any(now - stamp.changed_at < settling for _, stamp in found):
        pause(settling)
    for path, stamp in found:
        try:
            export = _read(path, stamp, now)
        except OSError as error:
            export = Export(path, "", 0, complete=False, stamp=stamp, fault=error.strerror)
        yield export


def _read(path: Path, before: Stamp, now: float) -> Export:
    digest, lines, last = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
            last = block[-1:]
    ended = last in {b"\n", b"\r"}
    whole = ended or now - before.changed_at > SETTLED_AFTER
    complete = whole and _stamp(path) == before
    return Export(path, digest.hexdigest(), lines + (not ended), complete, before)


def _stamp(path: Path) -> Stamp | None:
    """Return the file's stamp; None for what is no regular file, or none that can be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None
