"""Encryption of the signing keys at rest, under the first key of a secret file; a second still decrypts."""

import re
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class KeyEncryptionError(Exception):
    """The key-encryption key is missing, or is not the one the stored keys were encrypted under."""


class KeyEncryption:
    """Encrypts and decrypts. The file is read each time: that is seldom, and it may have changed."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt under the first key; raise KeyEncryptionError."""
        return self.read().encrypt(plain)

    def decrypt(self, encrypted: bytes) -> bytes:
        """Decrypt; raise KeyEncryptionError."""
        try:
            return self.read().decrypt(encrypted)
        except InvalidToken:
            raise self._wrong_key() from None

    def renew(self, encrypted: bytes) -> bytes:
        """Encrypt anew, under the first key; raise KeyEncryptionError."""
        try:
            return self.read().rotate(encrypted)
        except InvalidToken:
            raise self._wrong_key() from None

    def read(self) -> MultiFernet:
        """Read the file, one or two lines of 32 bytes in base64url; raise KeyEncryptionError."""
        try:
            lines = self._file.read_text("ascii").split()
        except OSError as error:
            raise KeyEncryptionError(
                f"{self._file} cannot be read ({error.strerror}); restore or create it"
            ) from None
        except ValueError:
            lines = []
        if not 1 <= len(lines) <= 2 or not all(re.fullmatch("[A-Za-z0-9_-]{43}=?", line) for line in lines):
            raise KeyEncryptionError(
                f"{self._file} holds no 32 bytes in base64url, once or twice; restore it"
            )
        return MultiFernet([Fernet(line[:43] + "=") for line in lines])

    def _wrong_key(self) -> KeyEncryptionError:
        return KeyEncryptionError(
            f"{self._file} does not decrypt the stored signing keys; restore the one that did"
        )
