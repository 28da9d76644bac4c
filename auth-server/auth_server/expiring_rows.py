"""Unique rows that are deleted an hour after they expire: seen assertions and proofs, revoked tokens.

The clocks of hosts with one database differ. Without the hour, a host whose clock is ahead would delete a row
that another host still needs: that one would take an assertion a second time.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Table, delete, insert, select, tuple_
from sqlalchemy.exc import IntegrityError

KEPT_LONGER = 3600  # seconds
_PURGE_SECONDS = 60
_MOST_PURGED = 20  # rows: what a request can delete besides its work


@dataclass(slots=True)
class ExpiringRows:
    """The rows of a table with a column `expires_at`; times in Unix seconds."""

    engine: Engine
    table: Table
    now: Callable[[], float] = time.time
    _purge_at: float = field(default=0.0, init=False)

    def add(self, row: Mapping[str, Any]) -> bool:
        """Add a row; return whether it is the first with its key. Once a minute, delete old rows."""
        self._purge()
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(self.table).values(row))
        except IntegrityError:  # the constraint decides, so that no two workers can both be first
            return False
        return True

    def _purge(self) -> None:
        now = self.now()
        if now < self._purge_at:
            return
        key = self.table.primary_key.columns
        old = select(*key).where(self.table.c.expires_at <= int(now) - KEPT_LONGER).limit(_MOST_PURGED)
        # Of two workers that delete in different orders, PostgreSQL would end one. SQLite lets one at a time.
        old = old.with_for_update(skip_locked=True)
        with self.engine.begin() as connection:
            deleted = connection.execute(delete(self.table).where(tuple_(*key).in_(old))).rowcount
        if deleted < _MOST_PURGED:  # otherwise the next row continues
            self._purge_at = now + _PURGE_SECONDS
