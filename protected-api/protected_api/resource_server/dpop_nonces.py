"""Nonces for DPoP proofs (RFC 9449 8 and 9): a time under a key that all workers and replicas share.

Nothing is stored: a nonce is good for a while, and a proof with it counts once (its jti).
The same text in both servers, held equal by a test.
"""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LIFETIME = 300  # seconds
SHORTEST_KEY = 32  # characters of base64url: 192 random bits
_TIME_BYTES = 8


class NonceKeyError(Exception):
    """The key cannot be used; the message says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Nonces:
    """The nonces under the key in a file, which is read each time, so that a new key counts at once."""

    key_file: Path
    now: Callable[[], float] = time.time  # Unix time

    def new(self) -> str:
        """Return a nonce; raise NonceKeyError."""
        issued_at = int(self.now()).to_bytes(_TIME_BYTES, "big")
        return urlsafe_b64encode(issued_at + self._mac(issued_at)).rstrip(b"=").decode()

    def expiry(self, nonce: str) -> int | None:
        """Return the Unix time at which a nonce expires; None if it is not ours or has expired."""
        try:
            data = urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4))
        except ValueError:
            return None
        issued_at = data[:_TIME_BYTES]
        if not hmac.compare_digest(data[_TIME_BYTES:], self._mac(issued_at)):
            return None
        expires_at = int.from_bytes(issued_at, "big") + LIFETIME
        return expires_at if self.now() < expires_at else None

    def check(self) -> None:
        """Raise NonceKeyError if the key cannot be used."""
        self._key()

    def _mac(self, issued_at: bytes) -> bytes:
        return hmac.digest(self._key(), issued_at, "sha256")

    def _key(self) -> bytes:
        try:
            key = self.key_file.read_bytes().strip()
        except OSError as error:
            raise NonceKeyError(
                f"{self.key_file} cannot be read ({error.strerror}); restore or create it"
            ) from None
        if len(key) < SHORTEST_KEY:
            raise NonceKeyError(
                f"{self.key_file} has less than {SHORTEST_KEY} characters; write a random key into it"
            )
        return key
