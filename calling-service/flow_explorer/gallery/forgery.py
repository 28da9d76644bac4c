"""Tokens that an attacker might make of a good one, each for one check of the API to find out.

Not here: what a good token is (the authorization server's affair), and who sends these (stage.py).
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWKSet

Document = dict[str, Any]
Forgery = Callable[[str, Document], str]  # of a good token and the issuer's JWK Set


def changed_payload(token: str, _keys: Document) -> str:
    """Grant the token one more scope, and leave its signature as it is."""
    header, payload, signature = token.split(".")
    claims = _object(payload)
    claims["scope"] = f"{claims['scope']} delete:timesheets"
    return f"{header}.{_part(claims)}.{signature}"


def alg_none(token: str, _keys: Document) -> str:
    """Say that the token is not signed (RFC 7518 3.6), and leave the signature out."""
    header, payload, _ = token.split(".")
    return f"{_part(_object(header) | {'alg': 'none'})}.{payload}."


def hmac_by_public_key(token: str, keys: Document) -> str:
    """Sign the token with the issuer's public key, in PEM, as if that were a shared secret."""
    header, payload, _ = token.split(".")
    members = _object(header)
    key = PyJWKSet.from_dict(keys)[members["kid"]].key
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_part(members | {'alg': 'HS256'})}.{payload}"
    return f"{signed}.{_base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def another_issuer(token: str, _keys: Document) -> str:
    """Sign the token's claims with a key of one's own, and say where that key is to be found."""
    header, payload, _ = token.split(".")
    issuer = "https://issuer.example"
    own = {"alg": "EdDSA", "kid": "its-own", "jku": f"{issuer}/.well-known/jwks.json"}
    signed = f"{_part(_object(header) | own)}.{_part(_object(payload) | {'iss': issuer})}"
    return f"{signed}.{_base64url(Ed25519PrivateKey.generate().sign(signed.encode()))}"


FORGERIES: dict[str, Forgery] = {
    "with a token whose payload was changed": changed_payload,
    "with a token that says alg none": alg_none,
    "with a token signed with the public key as HMAC secret": hmac_by_public_key,
    "with a token of another issuer": another_issuer,
}


def _object(part: str) -> Document:
    members: Document = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return members


def _part(members: Document) -> str:
    return _base64url(json.dumps(members, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
