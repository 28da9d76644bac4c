"""The keys that sign and verify access tokens, as a worker has them: remembered for a moment, imported once.

Which key does what follows from `key_life`; what changes them is in `key_store`.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwk
from joserfc.jwk import Key
from joserfc.util import json_b64encode
from sqlalchemy.exc import SQLAlchemyError

from auth_server.errors import TemporarilyUnavailableError
from auth_server.keys.encryption import KeyEncryptionError
from auth_server.keys.life import SIGNING_ALGS, KeySet, State, StoredKey
from auth_server.keys.store import KeyStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key of tokens: the private one signs, the public one verifies."""

    kid: str
    alg: str
    key: Key
    protected_header: bytes  # of every token it signs (RFC 9068 2.1), in base64url


class SigningKeys:
    """The keys of the store, remembered for `ttl` seconds; `now` is the clock that this is measured by."""

    def __init__(self, store: KeyStore, ttl: float, now: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._ttl = ttl
        self._now = now
        self._remembered: tuple[float, KeySet] = (0.0, KeySet(()))
        self._signing: dict[str, TokenKey] = {}
        self._verifying: dict[str, TokenKey] = {}
        self._announcing = threading.Lock()

    def current(self, alg: str) -> TokenKey:
        """Give the key that signs for an algorithm; raise TemporarilyUnavailableError, KeyEncryptionError."""
        now = self.store.now()
        for keys in (self._recall, self.read):
            for life in keys().of(alg, now, State.CURRENT):
                return self._to_sign(life.key)
        raise TemporarilyUnavailableError(reason=f"no key signs {alg}")

    def by_protected_header(self, header: bytes) -> TokenKey | None:
        """Give the published key whose tokens have this header; None only after a look into the database."""
        now = self.store.now()
        for keys in (self._recall, self.read):
            for stored in keys().published(now):
                key = self._to_verify(stored)
                if key.protected_header == header:
                    return key
        return None

    def published(self) -> list[Mapping[str, Any]]:
        """Give the public keys, as in a JWK Set. A next key that is due is made here: who reads, is told."""
        now = self.store.now()
        keys = self._recall()
        if keys.lacks_a_next(now):
            self._announce()
            keys = self.read()
        return [key.public_jwk for key in keys.published(now)]

    def check(self) -> bool:
        """Read all anew; tell whether each algorithm has a key that signs. Raise KeyEncryptionError."""
        now = self.store.now()
        keys = self.read()
        for alg in SIGNING_ALGS:
            for life in keys.of(alg, now, State.CURRENT):
                self._to_sign(life.key)
            for life in keys.of(alg, now, State.NEXT):  # is imported once it signs: that takes RSA its time
                self.store.encryption.decrypt(life.key.encrypted_private_jwk)
        return all(keys.of(alg, now, State.CURRENT) for alg in SIGNING_ALGS)

    def read(self) -> KeySet:
        """Read the keys from the database."""
        until = self._now() + self._ttl
        keys = self.store.read()
        self._remembered = (until, keys)
        return keys

    def _recall(self) -> KeySet:
        until, keys = self._remembered
        return keys if self._now() < until else self.read()

    def _announce(self) -> None:
        """Make what is due, in one thread; what keeps it from being made hinders nobody."""
        if not self._announcing.acquire(blocking=False):
            return
        try:
            self.store.announce()
        except (SQLAlchemyError, KeyEncryptionError):
            log.exception("no next signing key made")
        finally:
            self._announcing.release()

    def _to_sign(self, stored: StoredKey) -> TokenKey:
        if stored.kid not in self._signing:
            private_jwk = self.store.encryption.decrypt(stored.encrypted_private_jwk)
            self._signing[stored.kid] = _imported(stored, json.loads(private_jwk))
        return self._signing[stored.kid]

    def _to_verify(self, stored: StoredKey) -> TokenKey:
        if stored.kid not in self._verifying:
            self._verifying[stored.kid] = _imported(stored, stored.public_jwk)
        return self._verifying[stored.kid]


def _imported(stored: StoredKey, members: Mapping[str, Any]) -> TokenKey:
    header = json_b64encode({"typ": "at+jwt", "alg": stored.alg, "kid": stored.kid})
    return TokenKey(stored.kid, stored.alg, jwk.import_key(dict(members)), header)
