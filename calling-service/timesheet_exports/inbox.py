"""The CSV files in the inbox, which is only read: which of them are complete, and what is in them.

A file that changed a moment ago, or whose last line has no end, is looked at twice. A last line without an
end is also given a minute, unless the file's time lies in the future: another clock has set it then, and the
two looks decide. A file that is taken for complete too early loses nothing: once it has grown, it has another
digest and is imported.
"""

import codecs
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from timesheet_exports.text_file import encoding_of

SETTLED_AFTER = 60.0  # seconds without a change after which a last line without an end counts as complete
COARSEST_TIME = 2.0  # seconds, of a file's time on FAT and on some network shares
BLOCK = 1 << 20  # bytes

Pause = Callable[[float], None]  # takes seconds


class Stamp(NamedTuple):
    """The metadata that change when a file is written to or replaced."""

    inode: int
    size: int
    mtime_ns: int

    def age(self, now: float) -> float:
        """Return how many seconds ago the file changed; below 0 if its time lies in the future."""
        return now - self.mtime_ns / 1e9


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A CSV file and the SHA-256 of its content; a file that is still being written is not complete."""

    path: Path
    digest: str
    lines: int
    ended: bool  # whether its last line has an end
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

    If one may be still being written, look at all again after `settling` seconds: none must have changed.
    """
    paths = [path for path in inbox.iterdir() if path.suffix.lower() == ".csv" and path.name[0] != "."]
    paths.sort(key=lambda path: (path.stem, path.name))  # "week-late.csv" adds to "week.csv" and follows it
    stamps = {path: _stamp(path) for path in paths}
    files = [_read(path, stamp) for path, stamp in stamps.items() if stamp]
    if any(_is_fresh(file, settling, now) for file in files):
        pause(settling)
    for file in files:
        yield replace(file, complete=file.is_unchanged() and _is_settled(file, now))


def _is_fresh(file: InboxFile, settling: float, now: float) -> bool:
    return not file.ended or file.stamp.age(now) < settling + COARSEST_TIME


def _is_settled(file: InboxFile, now: float) -> bool:
    age = file.stamp.age(now)
    return file.ended or age < -COARSEST_TIME or age > SETTLED_AFTER


def _read(path: Path, stamp: Stamp) -> InboxFile:
    try:
        with path.open("rb") as file:
            digest, lines, last = _counted(file)
    except OSError as error:
        return InboxFile(path, "", 0, ended=True, complete=False, stamp=stamp, fault=error.strerror)
    ended = last in {"\n", "\r"}
    return InboxFile(path, digest, lines + (not ended), ended=ended, complete=False, stamp=stamp)


def _counted(file: BufferedReader) -> tuple[str, int, str]:
    """Return the digest of a file, how many line ends it has, and its last character."""
    encoding = encoding_of(file.peek())
    if encoding != "utf-16":
        encoding = "latin-1"  # which never fails; line ends are the same bytes in UTF-8
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    digest = hashlib.sha256()
    lines = 0
    last = ""
    while block := file.read(BLOCK):
        digest.update(block)
        text = decoder.decode(block)
        lines += text.count("\n") + text.count("\r") - (last + text).count("\r\n")
        last = text[-1:] or last
    return digest.hexdigest(), lines, last


def _stamp(path: Path) -> Stamp | None:
    """Return the file's stamp; None if it is not a regular file, or cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not S_ISREG(found.st_mode):
        return None
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)
