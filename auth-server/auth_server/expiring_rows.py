"""Unique rows that are deleted once they expire: seen assertions and revoked tokens."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Engine, Table, delete, insert
from sqlalchemy.exc import IntegrityError

_PURGE_SECONDS = 60


class ExpiringRows:
    """The rows of a table with a column `expires_at`; times in Unix seconds."""

    def __init__(self, engine: Engine, table: Table, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._table = table
        self._now = now
        self._purge_at = 0.0

    def add(self, row: Mapping[str, Any]) -> bool:
        """Add a row; return whether it is the first with its key. Once a minute, delete expired rows."""
        self._purge()
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(self._table).values(row))
        except IntegrityError:  # the constraint decides, so that no two workers can both be first
            return False
        return True

    def _purge(self) -> None:
        now = self._now()
        if now < self._purge_at:
            return
        self._purge_at = now + _PURGE_SECONDS
        with self._engine.begin() as connection:
            connection.execute(delete(self._table).where(self._table.c.expires_at <= now))
