"""The exports that lie in the inbox, which is only read: which of them are complete, and what is in them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SETTLED_AFTER = (
    60.0  # seconds without a change after which a file without a final line end counts as complete
)


@dataclass(frozen=True, slots=True)
class Export:
    """A CSV file and its content's SHA-256; a file that is still being written is not complete."""

    path: Path
    digest: str
    lines: int
    complete: bool

    @property
    def name(self) -> str:
        """Return the name that people know the file by."""
        return self.path.name


def exports(inbox: Path, now: float) -> Iterator[Export]:
    """Yield the exports in the order of their names; `now` is in seconds since the epoch, as st_mtime is."""
    found = (
        path for path in inbox.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith(".")
    )
    # By stem, so that an addition ("week-late.csv") follows what it adds to ("week.csv").
    for path in sorted(found, key=lambda path: (path.stem, path.name)):
        if path.is_file():
            yield _read(path, now)


def _read(path: Path, now: float) -> Export:
    digest, lines, last = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        before = path.stat()
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
    after = path.stat()
    still = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    whole = last == b"\n" or now - after.st_mtime > SETTLED_AFTER
    return Export(path, digest.hexdigest(), lines + (last != b"\n"), still and whole)
