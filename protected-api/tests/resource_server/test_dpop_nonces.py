"""The nonces of the API (RFC 9449 9). Not here: what both servers do (auth-server/tests)."""

from pathlib import Path

import pytest
from protected_api.resource_server.dpop_nonces import LIFETIME, SHORTEST_KEY, Nonces

NOW = 1_800_000_000


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "nonce-key"
    file.write_text("k" * SHORTEST_KEY)
    return file


def test_a_nonce_is_good_until_it_expires(key_file: Path) -> None:
    nonce = Nonces(key_file, lambda: NOW).new()
    expiries = [Nonces(key_file, lambda: NOW + age).expiry(nonce) for age in (LIFETIME - 1, LIFETIME)]  # noqa: B023
    assert expiries == [NOW + LIFETIME, None]


def test_a_nonce_has_letters_digits_hyphens_and_underscores_alone(key_file: Path) -> None:
    assert Nonces(key_file, lambda: NOW).new().replace("-", "a").replace("_", "a").isalnum()
