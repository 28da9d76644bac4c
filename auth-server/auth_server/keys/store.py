"""The stored signing keys, and what changes them: the schedule, an operator, the tenant's token lifetimes.

Each change is one transaction that alone may write: of several processes that see the same need one acts, and
a process that is killed has changed nothing.
"""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any

from joserfc.jwk import Key
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from auth_server.algorithms import SIGNING_ALGS, generate_key
from auth_server.database import apis, grants, lifetime_of_tokens, signing_keys, writing
from auth_server.keys.encryption import KeyEncryption
from auth_server.keys.life import KeySet, State, StoredKey


class UnknownKeyError(Exception):
    """No key has this kid."""


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Reads and writes the keys; durations in seconds, `now` in Unix time."""

    engine: Engine
    encryption: KeyEncryption
    rotation: int
    announcement: int
    token_lifetime: int
    now: Callable[[], float] = time.time
    generate: Callable[[str], Key] = generate_key

    def read(self) -> KeySet:
        """Return all keys."""
        with self.engine.connect() as connection:
            return _read(connection)

    def complete(self, connection: Connection) -> None:
        """Make the keys that each algorithm lacks: a first one that signs at once, and a next one."""
        now = int(self.now())
        for alg in SIGNING_ALGS:
            if not _read(connection).of(alg, now, State.CURRENT, State.NEXT):
                self._insert(connection, alg, now, signs_from=now)
            keys = _read(connection)
            if not keys.of(alg, now, State.NEXT):
                due = max(life.key.signs_from for life in keys.of(alg, now, State.CURRENT)) + self.rotation
                self._insert(connection, alg, now, signs_from=max(due, now + self.announcement))
                _forget(connection, keys, alg, now)

    def announce(self) -> None:
        """Make the next keys that are missing, unless another process has made them."""
        with writing(self.engine) as connection:
            self.complete(connection)

    def rotate(self, algs: Collection[str]) -> None:
        """Let the next keys sign as soon as they have been announced for long enough."""
        with writing(self.engine) as connection:
            now = int(self.now())
            keys = _read(connection)
            for life in [life for alg in algs for life in keys.of(alg, now, State.NEXT)]:
                earliest = max(now, life.key.announced_at + self.announcement)
                _update(connection, life.key, signs_from=min(life.key.signs_from, earliest))
            self.complete(connection)

    def revoke(self, kid: str) -> None:
        """Withdraw a key for good; if it signs, the next one signs from now on. Raise UnknownKeyError."""
        with writing(self.engine) as connection:
            now = int(self.now())
            keys = _read(connection)
            life = next((life for life in keys.lives if life.key.kid == kid), None)
            if life is None:
                raise UnknownKeyError
            if life.key.revoked_at is None:
                _update(connection, life.key, revoked_at=now)
            if life.state(now) is State.CURRENT:
                for successor in keys.of(life.key.alg, now, State.NEXT):
                    _update(connection, successor.key, signs_from=now)
            self.complete(connection)

    def reencrypt(self) -> None:
        """Encrypt all keys with the first key-encryption key."""
        with writing(self.engine) as connection:
            for life in _read(connection).lives:
                encrypted = self.encryption.renew(life.key.encrypted_private_jwk)
                _update(connection, life.key, encrypted_private_jwk=encrypted)

    def cover_lifetimes(self, connection: Connection) -> None:
        """Publish the keys that may still sign for as long as the longest token that is granted now lives."""
        now = self.now()
        for alg in SIGNING_ALGS:
            longest = self._longest_lifetime(connection, alg)
            for life in _read(connection).of(alg, now, State.NEXT, State.CURRENT):
                if life.key.longest_lifetime < longest:
                    _update(connection, life.key, longest_lifetime=longest)

    def _longest_lifetime(self, connection: Connection, alg: str) -> int:
        longest = func.max(lifetime_of_tokens(self.token_lifetime))
        of_alg = select(longest).select_from(grants.join(apis)).where(apis.c.signing_alg == alg)
        return connection.scalar(of_alg) or 0

    def _insert(self, connection: Connection, alg: str, now: int, *, signs_from: int) -> None:
        """Make a key; its kid is its thumbprint (RFC 7638)."""
        key = self.generate(alg)
        members = {"kid": key.thumbprint(), "use": "sig", "alg": alg}
        last = connection.scalar(select(func.max(signing_keys.c.generation)).where(signing_keys.c.alg == alg))
        private_jwk = json.dumps(key.as_dict(private=True, **members)).encode()
        row = StoredKey(
            kid=members["kid"],
            alg=alg,
            generation=(last or 0) + 1,
            announced_at=now,
            signs_from=signs_from,
            longest_lifetime=self._longest_lifetime(connection, alg),
            public_jwk=key.as_dict(private=False, **members),
            encrypted_private_jwk=self.encryption.encrypt(private_jwk),
        )
        connection.execute(insert(signing_keys).values(asdict(row)))


def _read(connection: Connection) -> KeySet:
    return KeySet(StoredKey(**row) for row in connection.execute(select(signing_keys)).mappings())


def _update(connection: Connection, key: StoredKey, **values: Any) -> None:
    connection.execute(update(signing_keys).where(signing_keys.c.kid == key.kid).values(values))


def _forget(connection: Connection, keys: KeySet, alg: str, now: int) -> None:
    """Delete the keys that are over, up to the first that is not: a gap would change that key's life."""
    counting = [life.key.generation for life in keys.lives if life.key.alg == alg and not life.is_over(now)]
    over = (signing_keys.c.alg == alg) & (signing_keys.c.generation < min(counting))
    connection.execute(delete(signing_keys).where(over))
