"""The CSV files in the inbox, which is only read: which of them are complete, and what is in them.

A file that changed a moment ago is looked at twice; one whose last line has no end is given a minute. A file
that is taken for complete too early loses nothing: once it has grown, it has another digest and is imported.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

SETTLED_AFTER = 60.0  # seconds without a change after which a last line without an end counts as complete

Pause = Callable[[float], None]  # takes seconds


class Stamp(NamedTuple):
    """The metadata that change when a file is written to or replaced."""

    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A CSV file and the SHA-256 of its content; a file that is still being written is not complete."""

    path: Path
    digest: str
    lines: int
    complete: bool
    stamp: Stamp
    fault: str | None = None  # why it cannot be read

    def is_unchanged(self) -> bool:
        """Return whether the file still has this content, as far as its metadata show."""
        return _stamp(self.path) == self.stamp

    @property
    def name(self) -> str:
        """Return the name that people know the file by; bytes that are not UTF-8 are escaped."""
        return os.fsencode(self.path.name).decode(errors="backslashreplace")


def inbox_files(inbox: Path, settling: float, now: float, pause: Pause) -> Iterator[InboxFile]:
    """Yield the files in the order of their names; `now` is in Unix time.

    If a file changed within the last `settling` seconds, wait as long; it must not change in this time.
    """
    paths = [path for path in inbox.iterdir() if path.suffix.lower() == ".csv" and path.name[0] != "."]
    paths.sort(key=lambda path: (path.stem, path.name))  # "week-late.csv" adds to "week.csv" and follows it
    stamps = {path: _stamp(path) for path in paths}
    found = {path: stamp for path, stamp in stamps.items() if stamp}
    if any(now - stamp.mtime_ns / 1e9 < settling for stamp in found.values()):
        pause(settling)
    for path, stamp in found.items():
        try:
            yield _read(path, stamp, now)
        except OSError as error:
            yield InboxFile(path, "", 0, complete=False, stamp=stamp, fault=error.strerror)


def _read(path: Path, stamp: Stamp, now: float) -> InboxFile:
    digest = hashlib.sha256()
    lines = 0
    last = b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
            last = block[-1:]
    complete = _stamp(path) == stamp
    if last not in {b"\n", b"\r"}:
        lines += 1
        complete = complete and now - stamp.mtime_ns / 1e9 > SETTLED_AFTER
    return InboxFile(path, digest.hexdigest(), lines, complete, stamp)


def _stamp(path: Path) -> Stamp | None:
    """Return the file's stamp; None if it is not a regular file, or cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not S_ISREG(found.st_mode):
        return None
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)
