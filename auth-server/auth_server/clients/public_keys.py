"""The public keys of a client that authenticates with `private_key_jwt`: a JWK Set in a file (RFC 7517 5)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jwk import Key

_ALGS: Mapping[tuple[Any, Any], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
_MIN_RSA_BITS = 2048
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key that verifies what a client has signed."""

    kid: str | None
    alg: str
    public: Key


class KeyFileError(Exception):
    """A key file cannot serve; the message says why and holds nothing of its content."""


def read_client_keys(file: Path) -> tuple[ClientKey, ...]:
    """Read the usable keys of a JWK Set, at least one; raise KeyFileError."""
    try:
        members = json.loads(file.read_bytes())["keys"]
    except OSError as error:
        raise KeyFileError(f"cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        members = None
    if not isinstance(members, list):
        raise KeyFileError("is no JWK Set")
    members = [member for member in members if isinstance(member, dict)]
    if any(member.keys() & _PRIVATE for member in members):
        raise KeyFileError("holds a private key, which is the client's alone")
    keys = tuple(key for key in map(_client_key, members) if key)
    if not keys:
        raise KeyFileError("has no key for RS256 (2048 bits or more), ES256 or EdDSA (Ed25519)")
    return keys


def _client_key(member: dict[str, Any]) -> ClientKey | None:
    """Import one member; None where it is no key that we verify with (RFC 7517 5: the others count)."""
    alg = _ALGS.get((str(member.get("kty")), str(member["crv"]) if "crv" in member else None))
    if alg is None or not _is_for_signatures(member, alg):
        return None
    try:
        key = jwk.import_key(member)
        public = key.get_op_key("verify")  # parsed here, or not at all
        usable = not isinstance(public, RSAPublicKey) or public.key_size >= _MIN_RSA_BITS
    except (JoseError, ValueError, TypeError):
        return None
    return ClientKey(member.get("kid"), alg, key) if usable else None


def _is_for_signatures(member: dict[str, Any], alg: str) -> bool:
    return (
        member.get("use", "sig") == "sig"
        and member.get("alg", alg) == alg
        and "verify" in member.get("key_ops", ["verify"])
        and isinstance(member.get("kid", ""), str)
    )
