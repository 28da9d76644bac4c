"""The file with the key-encryption key."""

import re
from pathlib import Path

import pytest
from auth_server.keys.encryption import KeyEncryption, KeyEncryptionError


@pytest.mark.parametrize("content", ["", "k", f"{'k' * 43} " * 3, "k" * 44, "\u00fc" * 43])
def test_refuses_a_file_without_a_key(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kek"
    file.write_text(content)
    message = f"{file} does not hold one or two keys of 32 bytes in base64url; restore it"
    with pytest.raises(KeyEncryptionError, match=f"^{re.escape(message)}$"):
        KeyEncryption(file).read()


@pytest.mark.parametrize("padding", ["", "="])
def test_reads_a_key_of_any_base64url_characters_with_padding_and_without(
    tmp_path: Path, padding: str
) -> None:
    file = tmp_path / "kek"
    file.write_text(f"Az09-_{'k' * 37}{padding}\n")
    encryption = KeyEncryption(file)
    assert encryption.decrypt(encryption.encrypt(b"key")) == b"key"


def test_says_which_file_does_not_decrypt_and_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    file.write_text("k" * 43)
    encrypted = KeyEncryption(file).encrypt(b"key")
    file.write_text("n" * 43)
    message = f"{file} does not decrypt the stored signing keys; restore the one that did"
    with pytest.raises(KeyEncryptionError, match=f"^{re.escape(message)}$"):
        KeyEncryption(file).decrypt(encrypted)
