"""The DPoP proofs that were used, in the API's database: a unique row each, so that no proof counts twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from protected_api.timesheets.database import Database

PURGE_SECONDS = 60
MOST_PURGED = 1000  # rows: what one request may delete besides its work


@dataclass(slots=True)
class SeenProofs:
    """The proofs of one database, for all its workers; times in Unix seconds."""

    database: Database
    now: Callable[[], float] = time.time
    _purge_at: float = field(default=0.0, init=False)

    def seen(self, digest: bytes, expires_at: int) -> bool:
        """Record a proof, and return whether it was there before; raise sqlite3.Error if that fails."""
        self._purge()
        insert = "INSERT INTO seen_proofs (digest, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING"
        return self.database.connection().execute(insert, (digest, expires_at)).rowcount == 0

    def _purge(self) -> None:
        now = self.now()
        if now < self._purge_at:
            return
        expired = "SELECT digest FROM seen_proofs WHERE expires_at <= ? LIMIT ?"
        delete = f"DELETE FROM seen_proofs WHERE digest IN ({expired})"  # noqa: S608  # a literal
        deleted = self.database.connection().execute(delete, (now, MOST_PURGED)).rowcount
        if deleted < MOST_PURGED:  # otherwise the next proof continues
            self._purge_at = now + PURGE_SECONDS
