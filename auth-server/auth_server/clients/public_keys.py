"""The public keys of a client that authenticates with `private_key_jwt`: a JWK Set in a file (RFC 7517 5)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jwk import Key

from auth_server.algorithms import CLIENT_ALGS, MIN_RSA_BITS, alg_of

MOST_KEYS = 20  # an assertion may have to be tried with each
_USES = ("sig", "jwt-svid")  # the latter in a SPIFFE bundle (SPIFFE Trust Domain and Bundle 4.2.2)
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key that verifies the signatures of a client."""

    kid: str | None
    alg: str
    public: Key


class KeyFileError(Exception):
    """A key file cannot be used; the message says why and repeats nothing of its content."""


def read_client_keys(file: Path) -> tuple[ClientKey, ...]:
    """Return the usable keys of a JWK Set, at least one; raise KeyFileError."""
    return client_keys(read_json(file))


def read_json(file: Path) -> Any:
    """Return what a JSON file holds, None if it is not JSON; raise KeyFileError if it cannot be read."""
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise KeyFileError(f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        return None


def public_members(document: Any) -> list[dict[str, Any]]:
    """Return the keys of a JWK Set that has been read, none of them private; raise KeyFileError."""
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise KeyFileError("is not a JWK Set")
    members = [member for member in members if isinstance(member, dict)]
    if any(member.keys() & _PRIVATE_MEMBERS for member in members):
        raise KeyFileError("holds a private key, which only the client may have")
    return members


def client_keys(document: Any) -> tuple[ClientKey, ...]:
    """Return the usable keys of a JWK Set that has been read, at least one; raise KeyFileError."""
    keys = tuple(key for key in map(_client_key, public_members(document)) if key)
    if not keys:
        raise KeyFileError("has no key for RS256 (2048 bits or more), ES256 or EdDSA (Ed25519)")
    if len(keys) > MOST_KEYS:
        raise KeyFileError(
            f"has more than {MOST_KEYS} usable keys; remove those that the client has replaced"
        )
    return keys


def _client_key(member: dict[str, Any]) -> ClientKey | None:
    """Import one member; return None if it is not a key that we verify with (RFC 7517 5: skip it)."""
    alg = alg_of(member)
    if alg is None or not _is_for_signatures(member, alg):
        return None
    try:
        key = jwk.import_key({**member, "use": "sig"})  # joserfc refuses to verify with SPIFFE's use
        public = key.get_op_key("verify")  # parses the numbers, which importing does not
    except (JoseError, ValueError, TypeError):
        return None
    if isinstance(public, RSAPublicKey) and public.key_size < MIN_RSA_BITS:
        return None
    return ClientKey(member.get("kid"), alg, key)


def _is_for_signatures(member: dict[str, Any], alg: str) -> bool:
    key_ops = member.get("key_ops", ["verify"])
    return (
        member.get("use", "sig") in _USES
        and CLIENT_ALGS.get(str(member.get("alg", alg))) == alg
        and isinstance(key_ops, list)
        and "verify" in key_ops
        and isinstance(member.get("kid", ""), str)
    )
