"""Each client assertion serves once (RFC 7523 3): a unique row, so that no two workers can both be first."""

import hashlib
import time
from collections.abc import Callable

from sqlalchemy import Engine, delete, insert
from sqlalchemy.exc import IntegrityError

from auth_server.database import seen_assertions

_PURGE_SECONDS = 60


class SeenAssertions:
    """Remembers assertions until they expire; `now` in seconds since 1970."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now
        self._purge_at = 0.0

    def record(self, client_id: str, jti: str, expires_at: int) -> bool:
        """Record an assertion; tell whether it is the first with this jti. Expired rows go once a minute."""
        # A digest, because a jti is any JSON string: of any length, and with half a surrogate pair even.
        digest = hashlib.sha256(jti.encode(errors="surrogatepass")).digest()
        row = {"client_id": client_id, "jti_digest": digest, "expires_at": expires_at}
        self._purge()
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(seen_assertions).values(row))
        except IntegrityError:
            return False
        return True

    def _purge(self) -> None:
        now = self._now()
        if now < self._purge_at:
            return
        self._purge_at = now + _PURGE_SECONDS
        with self._engine.begin() as connection:
            connection.execute(delete(seen_assertions).where(seen_assertions.c.expires_at <= now))
