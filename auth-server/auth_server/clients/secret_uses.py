"""When each secret was first and last used, so that an operator knows when an old one can be removed."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from auth_server.database.tables import secret_uses

log = logging.getLogger(__name__)

INTERVAL = 60  # seconds between two writes of a last use
_MOST_REMEMBERED = 1000

Secret = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class SecretUse:
    """The first and the last use of a secret, in Unix time; `first` is None if it is not known."""

    first: int | None
    last: int


@dataclass(slots=True)
class SecretUses:
    """Records uses of secrets, each named by client and digest; `now` in Unix time."""

    engine: Engine
    now: Callable[[], float] = time.time
    _recorded: dict[Secret, int] = field(default_factory=dict, init=False)

    def record(self, client_id: str, digest: bytes) -> None:
        """Record a use, at most once a minute; a failure to write is logged and refuses nobody."""
        used = int(self.now())
        if used < self._recorded.get((client_id, digest), 0) + INTERVAL:
            return
        if len(self._recorded) >= _MOST_REMEMBERED:
            self._recorded.clear()
        self._recorded[client_id, digest] = used
        try:
            self._write(client_id, digest, used)
        except SQLAlchemyError:
            log.exception("the use of a secret was not recorded")

    def _write(self, client_id: str, digest: bytes, used: int) -> None:
        """Write a use; of several threads and workers that do so at once, the database lets one."""
        this = (secret_uses.c.client_id == client_id) & (secret_uses.c.secret_digest == digest)
        due = this & (secret_uses.c.last_used <= used - INTERVAL)
        row = {"client_id": client_id, "secret_digest": digest, "first_used": used, "last_used": used}
        with self.engine.begin() as connection:
            if connection.execute(update(secret_uses).where(due).values(last_used=used)).rowcount:
                return
        with suppress(IntegrityError), self.engine.begin() as connection:  # another worker has written
            connection.execute(insert(secret_uses).values(row))

    def read(self) -> Mapping[Secret, SecretUse]:
        """Return the uses of each secret that was ever used."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(secret_uses)).all()
        return {(row.client_id, row.secret_digest): SecretUse(row.first_used, row.last_used) for row in rows}
