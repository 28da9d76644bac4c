"""The keys that sign and verify access tokens, as a worker holds them: remembered briefly, imported once.

Not here: which key does what (keys/life.py), and what changes the keys (keys/store.py).
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

from auth_server.algorithms import SIGNING_ALGS
from auth_server.keys.encryption import KeyEncryptionError
from auth_server.keys.life import KeySet, State, StoredKey
from auth_server.keys.store import KeyStore
from auth_server.signatures import Sign, signer

log = logging.getLogger(__name__)

_WAIT = 3  # seconds of a request, for another process that makes the keys


class NoSigningKeyError(Exception):
    """No key signs for an algorithm now."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key of tokens: the private one signs, the public one verifies."""

    kid: str
    alg: str
    key: Key
    sign: Sign
    protected_header: bytes  # of every token that it signs (RFC 9068 2.1), in base64url


class SigningKeys:
    """The keys of the store, remembered for `ttl` seconds by the clock `now`."""

    def __init__(self, store: KeyStore, ttl: float, now: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._ttl = ttl
        self._now = now
        self._remembered = (0.0, KeySet(()))  # one pair, since another thread may replace it
        self._signing: dict[str, TokenKey] = {}
        self._verifying: dict[str, TokenKey] = {}
        self._announcing = threading.Lock()

    def current(self, alg: str) -> TokenKey:
        """Return the key that signs for an algorithm; raise NoSigningKeyError, KeyEncryptionError."""
        now = self.store.now()
        current = self._recall().of(alg, now, State.CURRENT) or self.read().of(alg, now, State.CURRENT)
        if not current:
            raise NoSigningKeyError(f"no key signs {alg}")
        return self._to_sign(current[0].key)

    def by_protected_header(self, header: bytes) -> TokenKey | None:
        """Return the published key whose tokens have this header; None only after reading the database."""
        return self._find(header, self._recall()) or self._find(header, self.read())

    def published(self) -> list[Mapping[str, Any]]:
        """Return the public keys as in a JWK Set; make the next keys that are due, and so announce them."""
        now = self.store.now()
        keys = self._recall()
        if keys.lacks_a_next(now):
            self._announce()
            keys = self.read()
        return [key.public_jwk for key in keys.published(now)]

    def check(self) -> bool:
        """Read the keys; return whether there are APIs and a key signs for each. Raise KeyEncryptionError."""
        now = self.store.now()
        keys = self.read()
        for alg in SIGNING_ALGS:
            for life in keys.of(alg, now, State.CURRENT):
                self._to_sign(life.key)
            for life in keys.of(alg, now, State.NEXT):  # not imported yet: that takes RSA its time
                self.store.encryption.decrypt(life.key.encrypted_private_jwk)
        algs = self.store.signing_algs().values()
        return bool(algs) and all(keys.of(alg, now, State.CURRENT) for alg in algs)

    def read(self) -> KeySet:
        """Read the keys from the database."""
        until = self._now() + self._ttl
        keys = self.store.read()
        self._remembered = (until, keys)
        return keys

    def _recall(self) -> KeySet:
        until, keys = self._remembered
        return keys if self._now() < until else self.read()

    def _find(self, header: bytes, keys: KeySet) -> TokenKey | None:
        for stored in keys.published(self.store.now()):
            key = self._to_verify(stored)
            if key.protected_header == header:
                return key
        return None

    def _announce(self) -> None:
        """Make the keys that are due, in one thread; a failure is logged and stops nobody."""
        if not self._announcing.acquire(blocking=False):
            return
        try:
            self.store.announce(_WAIT)
        except (SQLAlchemyError, KeyEncryptionError):
            log.exception("the next signing key was not made")
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
    key = jwk.import_key(dict(members))
    return TokenKey(stored.kid, stored.alg, key, signer(key), header)
