"""The SHA-256 digests of client secrets, each in a file of its own; the secrets themselves are never here.

A machine secret is random, of at least 128 bits: a plain hash is enough, and a slow one would only cost time.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from pathlib import Path


class DigestFileError(Exception):
    """A digest file cannot be used; the message says why and repeats nothing of its content."""


def read_digest(file: Path) -> bytes:
    """Return the digest in a file, 64 hexadecimal digits; raise DigestFileError."""
    try:
        text = file.read_text("ascii").strip()
    except OSError as error:
        raise DigestFileError(f"cannot be read ({error.strerror})") from None
    except ValueError:
        text = ""
    if not re.fullmatch("[0-9A-Fa-f]{64}", text):
        raise DigestFileError("is not a SHA-256 digest of 64 hexadecimal digits")
    return bytes.fromhex(text)


def digest_of(secret: str) -> bytes:
    """Return the digest of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def matches(presented: bytes, digests: Iterable[bytes]) -> bool:
    """Return whether a digest is one of these; the time does not tell which of them is like it."""
    return sum(hmac.compare_digest(presented, digest) for digest in digests) > 0
