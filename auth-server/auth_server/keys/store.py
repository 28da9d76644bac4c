"""The stored signing keys, and what changes them: the schedule, an operator, the tenant's token lifetimes.

Each change is one transaction that alone may write: of several processes that see the same need one acts, and
a process that is killed has changed nothing.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass

from joserfc.jwk import Key
from sqlalchemy import Connection, Engine, func, insert, or_, select

from auth_server.algorithms import SIGNING_ALGS, generate_key
from auth_server.database.engine import LONGEST_WAIT, writing
from auth_server.database.tables import algorithm_changes, apis, grants, lifetime_of_tokens, signing_keys
from auth_server.keys.algorithm_use import (
    AlgorithmChange,
    changes,
    declared_algs,
    need,
    need_no_more,
    signing_algs,
    write_changes,
)
from auth_server.keys.encryption import KeyEncryption
from auth_server.keys.life import KeySet, State, StoredKey
from auth_server.keys.rows import forget_keys, read_keys, update_key


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
            return read_keys(connection)

    def signing_algs(self) -> dict[str, str]:
        """Return the algorithm that signs the tokens of each API now."""
        with self.engine.connect() as connection:
            return signing_algs(connection, self.now())

    def algorithm_changes(self) -> list[AlgorithmChange]:
        """Return the APIs whose declared algorithm does not sign yet."""
        with self.engine.connect() as connection:
            return changes(connection, self.now())

    def complete(self, connection: Connection, before: Mapping[str, str] | None = None) -> None:
        """Make the keys that are missing, and let go of the algorithms that no API needs any more.

        `before` is the algorithm that signed for each API before the tenant was applied.
        """
        now = int(self.now())
        if before is None:
            before = signing_algs(connection, now)
        declared = declared_algs(connection)
        needed = set(declared.values())
        signing = {before.get(audience, alg) for audience, alg in declared.items()}
        for alg in needed:
            need(connection, alg, now)
        for alg in needed | signing:
            self._complete(connection, alg, now, at_once=alg in signing)
        known_from = {alg: self._known_from(connection, alg, now) for alg in needed}
        write_changes(connection, before, known_from, now)
        for alg in set(SIGNING_ALGS) - needed:
            need_no_more(connection, alg, now)

    def _complete(self, connection: Connection, alg: str, now: int, *, at_once: bool) -> None:
        """Make a first key, which signs at once if nothing else can sign for an API, and a next one."""
        keys = read_keys(connection)
        if not keys.of(alg, now, State.CURRENT):
            announced = keys.of(alg, now, State.NEXT)
            if not announced:
                self._insert(connection, alg, now, signs_from=now if at_once else now + self.announcement)
            elif at_once:
                update_key(connection, announced[-1].key, signs_from=now)
            keys = read_keys(connection)
        if not keys.of(alg, now, State.NEXT):
            due = max(life.key.signs_from for life in keys.of(alg, now, State.CURRENT)) + self.rotation
            self._insert(connection, alg, now, signs_from=max(due, now + self.announcement))
            forget_keys(connection, keys, alg, now)

    def _known_from(self, connection: Connection, alg: str, now: int) -> int:
        """Return when a key of an algorithm signs that has been announced for long enough."""
        keys = [life.key for life in read_keys(connection).of(alg, now, State.CURRENT, State.NEXT)]
        return min(max(key.signs_from, key.announced_at + self.announcement) for key in keys)

    def announce(self, wait: float = LONGEST_WAIT) -> None:
        """Make the next keys that are missing, unless another process makes them; wait for it, in seconds."""
        with writing(self.engine, wait) as connection:
            self.complete(connection)

    def rotate(self, algs: Collection[str]) -> None:
        """Let the next keys sign as soon as they have been announced for long enough."""
        with writing(self.engine) as connection:
            now = int(self.now())
            keys = read_keys(connection)
            for life in [life for alg in algs for life in keys.of(alg, now, State.NEXT)]:
                earliest = max(now, life.key.announced_at + self.announcement)
                update_key(connection, life.key, signs_from=min(life.key.signs_from, earliest))
            self.complete(connection)

    def revoke(self, kid: str) -> None:
        """Withdraw a key for good; if it signs, the next one signs from now on. Raise UnknownKeyError."""
        with writing(self.engine) as connection:
            now = int(self.now())
            keys = read_keys(connection)
            life = next((life for life in keys.lives if life.key.kid == kid), None)
            if life is None:
                raise UnknownKeyError
            if life.key.revoked_at is None:
                update_key(connection, life.key, revoked_at=now)
            if life.state(now) is State.CURRENT:
                for successor in keys.of(life.key.alg, now, State.NEXT):
                    update_key(connection, successor.key, signs_from=now)
            self.complete(connection)

    def reencrypt(self) -> None:
        """Encrypt all keys with the first key-encryption key."""
        with writing(self.engine) as connection:
            for life in read_keys(connection).lives:
                encrypted = self.encryption.renew(life.key.encrypted_private_jwk)
                update_key(connection, life.key, encrypted_private_jwk=encrypted)

    def cover_lifetimes(self, connection: Connection) -> None:
        """Publish the keys that may still sign for as long as the longest token that is granted now lives."""
        now = self.now()
        for alg in SIGNING_ALGS:
            longest = self._longest_lifetime(connection, alg)
            for life in read_keys(connection).of(alg, now, State.NEXT, State.CURRENT):
                if life.key.longest_lifetime < longest:
                    update_key(connection, life.key, longest_lifetime=longest)

    def _longest_lifetime(self, connection: Connection, alg: str) -> int:
        longest = func.max(lifetime_of_tokens(self.token_lifetime))
        joined = grants.join(apis).outerjoin(algorithm_changes)
        of_alg = or_(apis.c.signing_alg == alg, algorithm_changes.c.former_alg == alg)
        return connection.scalar(select(longest).select_from(joined).where(of_alg)) or 0

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
