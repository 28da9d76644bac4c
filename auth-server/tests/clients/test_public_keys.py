"""The key files of clients."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from auth_server.clients.public_keys import MOST_KEYS, KeyFileError, client_keys, read_client_keys
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk
from joserfc.jwk import Key

EC = jwk.generate_key("EC", "P-256").as_dict(private=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("AQABaz09_-=é\ud800", max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
NAMES = ("kty", "crv", "use", "alg", "key_ops", "kid", "n", "e", "x", "y", "x5c", "x5t", "x5u", "ext")
SMALL = {"kty": "RSA", "n": "_" * 256, "e": "AQAB"}  # 1536 bits


@pytest.mark.requirement("RFC 7517 5 unknown keys", "RFC 7518 3.3 RSA size", "RFC 8725 3.5 entropy")
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    "member",
    [
        "text",
        {},
        {"kty": []},
        {"kty": "oct", "k2": "YQ"},
        EC | {"crv": "P-521"},
        EC | {"x": "YQ"},
        EC | {"x": 1},
        EC | {"use": "enc"},
        EC | {"alg": "ES384"},
        EC | {"alg": ["ES256"]},
        EC | {"alg": "Ed25519"},
        EC | {"key_ops": ["sign"]},
        EC | {"key_ops": None},
        EC | {"kid": 1},
        {name: value for name, value in EC.items() if name != "y"},
        SMALL,
    ],
)
def test_skips_keys_that_it_cannot_use(tmp_path: Path, member: Any) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [member, EC | {"kid": "good", "use": "sig", "alg": "ES256"}]}))
    assert [key.kid for key in read_client_keys(file)] == ["good"]
    file.write_text(json.dumps({"keys": [member]}))
    with pytest.raises(KeyFileError, match="has no key for"):
        read_client_keys(file)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"keys": {}}', b"[" * 100_000])
def test_refuses_a_file_that_is_no_jwk_set(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys.json").write_bytes(content)
    with pytest.raises(KeyFileError, match="is not a JWK Set"):
        read_client_keys(tmp_path / "keys.json")


def test_refuses_more_keys_than_an_assertion_may_be_tried_with(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [EC] * MOST_KEYS}))
    assert len(read_client_keys(file)) == MOST_KEYS
    file.write_text(json.dumps({"keys": [EC] * (MOST_KEYS + 1)}))
    with pytest.raises(KeyFileError, match="has more than 20 usable keys; remove"):
        read_client_keys(file)


@pytest.mark.requirement("RFC 7517 9.2 private keys")
def test_refuses_a_file_with_a_private_key(tmp_path: Path, private_keys: dict[str, Key]) -> None:
    keys = [EC, private_keys["RS256"].as_dict(private=True)]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    with pytest.raises(KeyFileError, match="holds a private key"):
        read_client_keys(tmp_path / "keys.json")


@settings(max_examples=300)
@given(
    kind=st.sampled_from([{"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}, {"kty": "OKP", "crv": "Ed25519"}]),
    members=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6),
)
def test_never_fails_on_a_key_that_another_issuer_publishes(
    kind: dict[str, str], members: dict[str, Any]
) -> None:
    with suppress(KeyFileError):
        client_keys({"keys": [kind | members, members]})
