"""The lock of whoever runs the import: one per STATE_DIR, for threads and processes, gone with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def acquire(state_dir: Path) -> int | None:
    """Return the lock, a descriptor that closing gives up; None if another holds it."""
    descriptor = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def handed_on(lock: int) -> Iterator[None]:
    """Give the lock up if what is to hold it from now on does not begin."""
    try:
        yield
    except BaseException:
        os.close(lock)
        raise
