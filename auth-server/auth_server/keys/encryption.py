"""Encryption of the signing keys at rest: the first key of a file encrypts, a second one still decrypts."""

import re
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class KeyEncryptionError(Exception):
    """The key-encryption key is missing, or the stored keys were encrypted with another one."""


class KeyEncryption:
    """Encrypts and decrypts. It reads the file each time: that is rare, and the file may have changed."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt with the first key; raise KeyEncryptionError."""
        return self.read().encrypt(plain)

    def decrypt(self, encrypted: bytes) -> bytes:
        """Decrypt; raise KeyEncryptionError."""
        return self._opened(MultiFernet.decrypt, encrypted)

    def renew(self, encrypted: bytes) -> bytes:
        """Decrypt, and encrypt with the first key; raise KeyEncryptionError."""
        return self._opened(MultiFernet.rotate, encrypted)

    def read(self) -> MultiFernet:
        """Read the file, one or two lines of 32 bytes in base64url; raise KeyEncryptionError."""
        try:
            lines = self._file.read_text("ascii").split()
        except OSError as error:
            raise self._error(f"cannot be read ({error.strerror}); restore or create it") from None
        except ValueError:
            lines = []
        if not 1 <= len(lines) <= 2 or not all(re.fullmatch("[A-Za-z0-9_-]{43}=?", line) for line in lines):
            raise self._error("does not hold one or two keys of 32 bytes in base64url; restore it")
        return MultiFernet([Fernet(line[:43] + "=") for line in lines])

    def _opened(self, operation: Callable[[MultiFernet, bytes], bytes], encrypted: bytes) -> bytes:
        try:
            return operation(self.read(), encrypted)
        except InvalidToken:
            raise self._error("does not decrypt the stored signing keys; restore the one that did") from None

    def _error(self, problem: str) -> KeyEncryptionError:
        return KeyEncryptionError(f"{self._file} {problem}")
