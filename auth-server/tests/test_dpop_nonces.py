"""Nonces are good for a while, for every worker and replica with the key, and nobody else can make one."""

from pathlib import Path

import pytest
from auth_server.dpop_nonces import LIFETIME, NonceKeyError, Nonces
from hypothesis import example, given
from hypothesis import strategies as st

NOW = 1_800_000_000
OTHER = Path(__file__).parents[2] / "protected-api/protected_api/resource_server/dpop_nonces.py"
ANY_KEY = Path(__file__)


def nonces(file: Path, now: float = NOW) -> Nonces:
    return Nonces(file, lambda: now)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "nonce-key"
    file.write_text("k" * 43 + "\n")
    return file


def test_a_nonce_of_another_replica_is_good_until_it_expires(key_file: Path) -> None:
    nonce = nonces(key_file, NOW - LIFETIME + 1).new()
    assert nonces(key_file).expiry(nonce) == NOW + 1
    assert nonces(key_file, NOW + 1).expiry(nonce) is None


@pytest.mark.requirement("RFC 9449 8 not predictable")
def test_a_nonce_under_another_key_is_none_of_ours(key_file: Path) -> None:
    nonce = nonces(key_file).new()
    key_file.write_text("x" * 43)
    assert nonces(key_file).expiry(nonce) is None


@pytest.mark.requirement("RFC 9449 8 not predictable")
@given(st.text())
@example("")
@example("A")
@example("\u00e9")
@example("A" * 54)
def test_any_other_text_is_none_of_ours(text: str) -> None:
    assert nonces(ANY_KEY).expiry(text) is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read (No such file or directory); restore or create it"),
        ("k" * 31 + "\n", "has less than 32 characters; write a random key into it"),
    ],
)
def test_says_why_a_key_cannot_be_used(tmp_path: Path, content: str | None, problem: str) -> None:
    file = tmp_path / "key"
    if content:
        file.write_text(content)
    with pytest.raises(NonceKeyError) as failure:
        nonces(file).check()
    assert str(failure.value) == f"{file} {problem}"


def test_both_servers_have_the_same_text() -> None:
    ours = Path(__file__).parents[1] / "auth_server/dpop_nonces.py"
    assert ours.read_text() == OTHER.read_text()
