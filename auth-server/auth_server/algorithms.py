"""The algorithms of signatures, and the kind of key that each needs (RFC 7518 3.1, RFC 8037 3.1)."""

from collections.abc import Mapping
from typing import Any

from joserfc import jwk
from joserfc.jwk import Key

MIN_RSA_BITS = 2048

# The members of a JWK that say what kind of key it is; RSA has no curve.
KEY_KINDS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
SIGNING_ALGS = tuple(KEY_KINDS)
DEFAULT_ALG = "RS256"

# The names by which clients sign, and ours. RFC 9864 2.2 gives EdDSA with an Ed25519 key a name of its own.
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
