"""The stored signing keys, and what changes them: the schedule, an operator, the tenant's token lifetimes.

Each change is one transaction, alone in writing: of several processes that see the same need one acts, and
one that is killed has changed nothing.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from joserfc import jwk
from joserfc.jwk import Key
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from auth_server.database import apis, grants, signing_keys, writing
from auth_server.keys.encryption import KeyEncryption
from auth_server.keys.life import SIGNING_ALGS, KeySet, State, StoredKey

_KINDS: Mapping[str, tuple[Any, Any]] = {
    "RS256": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}


def _generate(alg: str) -> Key:
    key: Key = jwk.generate_key(*_KINDS[alg])
    return key


class UnknownKeyError(Exception):
    """There is no key with this kid."""


class KeyStore:
    """Reads and writes the keys; durations in seconds, `now` in seconds since 1970."""

    def __init__(
        self,
        engine: Engine,
        encryption: KeyEncryption,
        *,
        rotation: int,
        announcement: int,
        token_lifetime: int,
        now: Callable[[], float] = time.time,
        generate: Callable[[str], Key] = _generate,
    ) -> None:
        self.engine = engine
        self.encryption = encryption
        self.now = now
        self._rotation = rotation
        self._announcement = announcement
        self._token_lifetime = token_lifetime
        self._generate = generate

    def read(self) -> KeySet:
        """Read the keys."""
        with self.engine.connect() as connection:
            return _read(connection)

    def complete(self, connection: Connection) -> None:
        """Make what is missing: for each algorithm a key that signs, at first, and one that will."""
        now = int(self.now())
        for alg in SIGNING_ALGS:
            if not _read(connection).of(alg, now, State.CURRENT, State.NEXT):
                self._insert(connection, alg, now, signs_from=now)
            keys = _read(connection)
            if not keys.of(alg, now, State.NEXT):
                due = max(life.key.signs_from for life in keys.of(alg, now, State.CURRENT)) + self._rotation
                self._insert(connection, alg, now, signs_from=max(due, now + self._announcement))
                _forget(connection, keys, alg, now)

    def announce(self) -> None:
        """Make the next keys that are missing, if nobody else has."""
        with writing(self.engine) as connection:
            self.complete(connection)

    def rotate(self, algs: Collection[str]) -> None:
        """Let the next keys sign as soon as they have been announced for long enough."""
        with writing(self.engine) as connection:
            now = int(self.now())
            for key in [life.key for alg in algs for life in _read(connection).of(alg, now, State.NEXT)]:
                earliest = max(now, key.announced_at + self._announcement)
                _update(connection, key, signs_from=min(key.signs_from, earliest))
            self.complete(connection)

    def revoke(self, kid: str) -> None:
        """Withdraw a key for ever; where it signs, the next one does from now on. Raise UnknownKeyError."""
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
        """Encrypt all keys anew under the first key-encryption key."""
        with writing(self.engine) as connection:
            for life in _read(connection).lives:
                encrypted = self.encryption.renew(life.key.encrypted_private_jwk)
                _update(connection, life.key, encrypted_private_jwk=encrypted)

    def cover_lifetimes(self, connection: Connection) -> None:
        """Keep the keys that may yet sign for as long as the tokens live that are granted now."""
        now = self.now()
        for alg in SIGNING_ALGS:
            longest = self._longest_lifetime(connection, alg)
            for life in _read(connection).of(alg, now, State.NEXT, State.CURRENT):
                if life.key.longest_lifetime < longest:
                    _update(connection, life.key, longest_lifetime=longest)

    def _longest_lifetime(self, connection: Connection, alg: str) -> int:
        lifetime = func.coalesce(grants.c.token_lifetime, apis.c.token_lifetime, self._token_lifetime)
        longest = select(func.max(lifetime)).select_from(grants.join(apis)).where(apis.c.signing_alg == alg)
        return connection.scalar(longest) or 0

    def _insert(self, connection: Connection, alg: str, now: int, *, signs_from: int) -> None:
        """Make a key; its kid is its thumbprint (RFC 7638)."""
        key = self._generate(alg)
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
    """Delete the keys that are over, but none after one that is not: that would change its life."""
    counting = [life.key.generation for life in keys.lives if life.key.alg == alg and not life.is_over(now)]
    over = (signing_keys.c.alg == alg) & (signing_keys.c.generation < min(counting))
    connection.execute(delete(signing_keys).where(over))
