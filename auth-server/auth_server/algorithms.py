"""The algorithms of signatures, and the kind of key of each (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2)."""

from collections.abc import Mapping
from typing import Any

from joserfc import jwk
from joserfc.jwk import Key

MIN_RSA_BITS = 2048

# The members of a JWK that say what kind of key it is; RSA has no curve. EdDSA and Ed25519
# sign in the same way, but for most verifiers a key is for the one name that it has in the key set. So each
# name has keys of its own, and no key changes its name.
KEY_KINDS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
SIGNING_ALGS = tuple(KEY_KINDS)
DEFAULT_ALG = "RS256"

# The names by which clients sign, and the names of their keys here: a client may use both for one key.
CLIENT_ALGS: Mapping[str, str] = {**{alg: alg for alg in SIGNING_ALGS}, "Ed25519": "EdDSA"}


def generate_key(alg: str) -> Key:
    """Return a new private key for an algorithm."""
    kty, crv = KEY_KINDS[alg]
    generate: Any = jwk.generate_key  # its overloads want literals
    key: Key = generate(kty, crv or MIN_RSA_BITS)
    return key


def alg_of(member: Mapping[str, Any]) -> str | None:
    """Return the algorithm that a JWK is for, or None if it is for none of ours."""
    for alg, kind in KEY_KINDS.items():
        if kind == (member.get("kty"), member.get("crv")):
            return alg
    return None
