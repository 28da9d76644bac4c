"""The lock on running the import: one per STATE_DIR, for threads and processes; it ends with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def acquire(state_dir: Path) -> int | None:
    """Return the lock, a descriptor whose closing releases it; None if another holds it."""
    descriptor = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def released_on_error(lock: int) -> Iterator[None]:
    """Release the lock if an error keeps the run from beginning."""
    try:
        yield
    except BaseException:
        os.close(lock)
        raise
