"""Read a JWK set, RFC 7517 5: members that are no usable signing key are skipped, the others count.

Not here: fetching it (issuer_documents.py), keeping it (issuer_keys.py).
"""

import logging
from collections.abc import Mapping
from typing import Any

from jwt import PyJWK, PyJWTError

KINDS = {
    "RS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}
MIN_RSA_BITS = 2048
log = logging.getLogger(__name__)


def usable_keys(document: Any, known: Mapping[str, PyJWK]) -> Mapping[str, PyJWK]:
    """Return the usable keys by `kid`, an unchanged one as the known object; raise ValueError if no set."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JWK set")  # noqa: TRY004  (what arrived is wrong, not the program)
    keys: dict[str, PyJWK] = {}
    for member in document["keys"]:
        try:
            kid, key = _usable_key(member)
        except ValueError as reason:
            log.warning("key skipped", extra={"reason": str(reason)})
            continue
        same = kid in known and known[kid].key == key.key
        keys.setdefault(kid, known[kid] if same else key)  # of two with one kid, the first
    return keys


def _usable_key(member: Any) -> tuple[str, PyJWK]:
    if not isinstance(member, dict) or not isinstance(kid := member.get("kid"), str):
        raise ValueError("not an object with a kid")  # noqa: TRY004
    alg = next((alg for alg, kind in KINDS.items() if kind.items() <= member.items()), None)
    if alg is None or member.get("alg", alg) != alg:
        raise ValueError("not of a kind that we verify with")
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
    return kid, key
