"""The keys that sign access tokens: one per algorithm, made once, encrypted at rest. Rotation is not here."""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwk
from joserfc.jwk import Key
from joserfc.util import json_b64encode
from sqlalchemy import Engine, RowMapping, insert, select
from sqlalchemy.exc import IntegrityError

from auth_server.database import signing_keys

_KINDS: Mapping[str, tuple[Any, Any]] = {
    "RS256": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}


class KeyEncryptionError(Exception):
    """The key-encryption key is missing, or is not the one the stored keys were encrypted under."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs, imported once, and what is published of it."""

    kid: str
    alg: str
    private: Key
    public_jwk: dict[str, str]
    protected_header: bytes  # of every token it signs (RFC 9068 2.1), in base64url


def read_key_encryption_key(file: Path) -> Fernet:
    """Read the key that encrypts the signing keys, 32 bytes in base64url; raise KeyEncryptionError."""
    try:
        text = file.read_text("ascii").strip()
    except OSError as error:
        raise KeyEncryptionError(f"{file} cannot be read ({error.strerror}); restore or create it") from None
    except ValueError:
        text = ""
    if not re.fullmatch("[A-Za-z0-9_-]{43}=?", text):
        raise KeyEncryptionError(f"{file} holds no 32 bytes in base64url; restore it")
    return Fernet(text[:43] + "=")


class SigningKeys:
    """The stored keys, remembered for a moment; each is decrypted and imported once per process."""

    def __init__(
        self,
        engine: Engine,
        key_encryption_key: Fernet,
        ttl: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._encryption = key_encryption_key
        self._ttl = ttl
        self._now = now
        self._imported: dict[str, SigningKey] = {}
        self._remembered: tuple[float, dict[str, SigningKey]] = (0.0, {})

    def create_missing(self, algs: Iterable[str]) -> None:
        """Make the keys that are missing; of several processes doing so at once one succeeds."""
        for alg in sorted(set(algs) - self.read().keys()):
            with suppress(IntegrityError), self._engine.begin() as connection:
                connection.execute(insert(signing_keys).values(_generate(alg, self._encryption)))
        self.read()

    def current(self, alg: str) -> SigningKey:
        """Give the key that signs for an algorithm."""
        keys = self._recall()
        return keys[alg] if alg in keys else self.read()[alg]

    def by_protected_header(self, header: bytes) -> SigningKey | None:
        """Give the key whose tokens have this header; None only after a look into the database."""
        return self._by_header(self._recall(), header) or self._by_header(self.read(), header)

    def published(self) -> list[dict[str, str]]:
        """Give the public keys, as in a JWK Set."""
        return [key.public_jwk for key in self._recall().values()]

    def read(self) -> dict[str, SigningKey]:
        """Read the keys from the database, by algorithm; raise KeyEncryptionError."""
        until = self._now() + self._ttl
        with self._engine.connect() as connection:
            rows = connection.execute(select(signing_keys).order_by(signing_keys.c.alg)).mappings().all()
        keys = {row["alg"]: self._import(row) for row in rows}
        self._remembered = (until, keys)
        return keys

    def _by_header(self, keys: dict[str, SigningKey], header: bytes) -> SigningKey | None:
        return next((key for key in keys.values() if key.protected_header == header), None)

    def _recall(self) -> dict[str, SigningKey]:
        until, keys = self._remembered
        return keys if self._now() < until else self.read()

    def _import(self, row: RowMapping) -> SigningKey:
        if row["kid"] not in self._imported:
            try:
                private_jwk = json.loads(self._encryption.decrypt(row["encrypted_private_jwk"]))
            except InvalidToken:
                raise KeyEncryptionError(
                    "does not decrypt the stored signing keys; restore the one that did"
                ) from None
            kid, alg, private = row["kid"], row["alg"], jwk.import_key(private_jwk)
            header = json_b64encode({"typ": "at+jwt", "alg": alg, "kid": kid})
            self._imported[kid] = SigningKey(kid, alg, private, row["public_jwk"], header)
        return self._imported[row["kid"]]


def _generate(alg: str, encryption: Fernet) -> dict[str, Any]:
    """Make a key, as a row of the table; its kid is its thumbprint (RFC 7638)."""
    key = jwk.generate_key(*_KINDS[alg])
    members = {"kid": key.thumbprint(), "use": "sig", "alg": alg}
    private_jwk = json.dumps(key.as_dict(private=True, **members)).encode()
    return {
        "kid": members["kid"],
        "alg": alg,
        "public_jwk": key.as_dict(private=False, **members),
        "encrypted_private_jwk": encryption.encrypt(private_jwk),
    }
