"""The DPoP proofs that were used, in the API's database: a unique row each, so that no proof counts twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from protected_api.timesheets.database import Database

KEPT_LONGER = 3600  # seconds after a proof has expired: the clock of another host may be behind ours
PURGE_SECONDS = 60
MOST_PURGED = 1000  # rows: what one request may delete besides its work
INSERT = "INSERT INTO seen_proofs (expires_at, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"
EXPIRED = "SELECT expires_at, digest FROM seen_proofs WHERE expires_at <= ? LIMIT ?"
DELETE = f"DELETE FROM seen_proofs WHERE (expires_at, digest) IN ({EXPIRED})"  # noqa: S608  # literals


@dataclass(slots=True)
class SeenProofs:
    """The proofs of one database, for all its workers; times in Unix seconds."""

    database: Database
    now: Callable[[], float] = time.time
    _purge_at: float = field(default=0.0, init=False)

    def seen(self, digest: bytes, expires_at: int) -> bool:
        """Record a proof, and return whether it was there before; raise the error of the database."""
        try:
            self._purge()
            return self.database.execute(INSERT, expires_at, digest).rowcount == 0
        except self.database.error:
            self.database.disconnect()  # this connection may never work again
            raise

    def _purge(self) -> None:
        now = self.now()
        if now < self._purge_at:
            return
        deleted = self.database.execute(DELETE, int(now) - KEPT_LONGER, MOST_PURGED).rowcount
        if deleted < MOST_PURGED:  # otherwise the next proof continues
            self._purge_at = now + PURGE_SECONDS
