"""Read a JWK set (RFC 7517 5). Not here: fetching it (issuer_documents.py), keeping it (issuer_keys.py)."""

import logging
from collections.abc import Mapping
from typing import Any

from jwt import PyJWK, PyJWTError

from .access_token import ALGORITHMS

MIN_RSA_BITS = 2048
log = logging.getLogger(__name__)


def usable_keys(document: Any, known: Mapping[str, PyJWK]) -> Mapping[str, PyJWK]:
    """Return the usable keys by `kid`, an unchanged one as the `known` object; raise ValueError."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JWK set")  # noqa: TRY004  (what arrived is wrong, not the program)
    keys: dict[str, PyJWK] = {}
    for member in document["keys"]:
        try:
            key = _usable_key(member)
        except ValueError as reason:
            log.warning("key skipped", extra={"reason": str(reason)})
            continue
        kid = member["kid"]
        same = known.get(kid)
        if same and same.key == key.key:
            key = same
        keys.setdefault(kid, key)  # of two keys with one kid, the first
    return keys


def _usable_key(member: Any) -> PyJWK:
    if not isinstance(member, dict) or not isinstance(member.get("kid"), str):
        raise ValueError("not an object with a kid")  # noqa: TRY004
    alg = _algorithm(member)
    key_ops = member.get("key_ops", ["verify"])
    if member.get("use", "sig") != "sig" or not isinstance(key_ops, list) or "verify" not in key_ops:
        raise ValueError("not for signatures")
    if "d" in member:
        raise ValueError("a private key")
    try:
        key = PyJWK(member, alg)
    except (PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise ValueError("not a public key") from error
    if alg == "RS256" and key.key.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RSA key under {MIN_RSA_BITS} bits")
    return key


def _algorithm(member: dict[str, Any]) -> str:
    for alg, parameters in ALGORITHMS.items():
        if parameters.items() <= member.items() and member.get("alg", alg) == alg:
            return alg
    raise ValueError("not for an algorithm that we allow")
