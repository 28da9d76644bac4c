"""Read a JWK set (RFC 7517 5). Not here: fetching it (issuer_documents.py), keeping it (issuer_keys.py)."""

import logging
from collections.abc import Mapping
from typing import Any

from jwt import PyJWTError

from .access_token import ALGORITHMS, IssuerKey

MIN_RSA_BITS = 2048
# For each prime, the remainders that a ROCA modulus can leave: the powers of 65537.
# (Nemec, Sys, Svenda, Klinec, Matyas: "The Return of Coppersmith's Attack", CCS 2017)
ROCA_REMAINDERS = {
    prime: {pow(65537, exponent, prime) for exponent in range(prime)}
    for prime in range(3, 168)
    if all(prime % divisor for divisor in range(2, prime))
}
log = logging.getLogger(__name__)


def usable_keys(document: Any, known: Mapping[str, IssuerKey]) -> Mapping[str, IssuerKey]:
    """Return the usable keys by `kid`, an unchanged one as the `known` object; raise ValueError."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JWK set")  # noqa: TRY004  (what arrived is wrong, not the program)
    keys: dict[str, IssuerKey] = {}
    for member in document["keys"]:
        try:
            key = _usable_key(member)
        except ValueError as reason:
            log.warning("key skipped", extra={"reason": str(reason)})
            continue
        kid = member["kid"]
        same = known.get(kid)
        if same and same.key == key.key and same.algorithms == key.algorithms:
            key = same
        keys.setdefault(kid, key)  # of two keys with one kid, the first
    return keys


def _usable_key(member: Any) -> IssuerKey:
    if not isinstance(member, dict) or not isinstance(member.get("kid"), str):
        raise ValueError("not an object with a kid")  # noqa: TRY004
    algorithms = _algorithms(member)
    if not algorithms:
        raise ValueError("not for an algorithm that we allow")
    key_ops = member.get("key_ops", ["verify"])
    if member.get("use", "sig") != "sig" or not isinstance(key_ops, list) or "verify" not in key_ops:
        raise ValueError("not for signatures")
    if "d" in member:
        raise ValueError("a private key")
    try:
        key = IssuerKey(member, algorithms)
    except (PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise ValueError("not a public key") from error
    if member["kty"] == "RSA":
        _check_modulus(key.key.public_numbers().n)
    return key


def _algorithms(member: dict[str, Any]) -> list[str]:
    """Return the one that the member names, or else all that fit its kind of key."""
    return [
        alg
        for alg, parameters in ALGORITHMS.items()
        if parameters.items() <= member.items() and member.get("alg", alg) == alg
    ]


def _check_modulus(modulus: int) -> None:
    if modulus.bit_length() < MIN_RSA_BITS:
        raise ValueError(f"an RSA key under {MIN_RSA_BITS} bits")
    if all(modulus % prime in remainders for prime, remainders in ROCA_REMAINDERS.items()):
        raise ValueError("an RSA key that its modulus gives away (ROCA, CVE-2017-15361)")
