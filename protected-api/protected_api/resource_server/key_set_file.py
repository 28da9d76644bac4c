"""Keep the last key set in a file: it outlives a restart, and the workers of one API share it.

Whoever can write to the file can forge tokens, because its keys verify them. Not here: when it is read and
written (issuer_keys.py). Not for Windows, which has no `fcntl`.
"""

import fcntl
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .access_token import IssuerKey
from .strict_formats import json_object

log = logging.getLogger(__name__)


class KeptSet(NamedTuple):
    """A JWK set as it was kept."""

    document: Any
    fetched_at: float  # Unix time
    age: float  # seconds


@dataclass(eq=False)
class KeySetFile:
    """The file of one issuer's keys; they come from `jwks_uri`, or from where the metadata says."""

    path: Path
    issuer: str
    jwks_uri: str | None
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._seen: tuple[int, ...] = ()

    def news(self) -> KeptSet | None:
        """Return what the file holds if that is new since the last call; raise OSError or ValueError."""
        try:
            found = self.path.stat()
        except OSError:  # there is none yet
            return None
        # The clock may be behind after a start; a file from the future is read again when it is right.
        is_past = found.st_mtime <= self.clock()
        seen = (found.st_ino, found.st_mtime_ns, found.st_size, is_past)
        if seen == self._seen:
            return None
        self._seen = seen
        return self._read()

    def keep(self, keys: Iterable[IssuerKey], fetched_at: float) -> None:
        """Write the keys of a fetch that began then, unless a later one is there. A failure is logged."""
        key_set = {"keys": [key.jwk for key in keys]}
        kept = {
            "issuer": self.issuer,
            "jwks_uri": self.jwks_uri,
            "fetched_at": fetched_at,
            "key_set": key_set,
        }
        new, lock = (self.path.with_name(f"{self.path.name}.{name}") for name in ("new", "lock"))
        try:
            for file in (new, lock):
                file.touch(0o600)
            with lock.open("w") as locked:
                fcntl.flock(locked, fcntl.LOCK_EX)
                if self._fetched_at() > fetched_at:
                    return
                with new.open("w") as written:
                    json.dump(kept, written)
                    written.flush()
                    os.fsync(written)
                new.replace(self.path)
        except OSError as failure:
            log.warning("key set not kept", extra={"reason": str(failure)})

    def _fetched_at(self) -> float:
        try:
            return self._read().fetched_at
        except (OSError, ValueError):
            return -math.inf  # what cannot be used is overwritten

    def _read(self) -> KeptSet:
        kept = json_object(self.path.read_bytes())
        if (kept.get("issuer"), kept.get("jwks_uri")) != (self.issuer, self.jwks_uri):
            raise ValueError("it is of another issuer or another address")
        fetched_at = kept.get("fetched_at")
        now = self.clock()
        if not isinstance(fetched_at, int | float) or not 0 <= fetched_at <= now:
            raise ValueError("its time is not in the past")
        return KeptSet(kept.get("key_set"), fetched_at, now - fetched_at)
