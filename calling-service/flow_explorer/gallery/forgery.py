"""Forged tokens that an attacker might make from a valid one; each fails one check of the API.

Not here: how valid tokens are made (the authorization server), who sends forged ones (step_runner.py).
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

JsonObject = dict[str, Any]
Forgery = Callable[[str, JsonObject], str]  # of a valid token and the issuer's JWK Set


def changed_payload(token: str, _keys: JsonObject) -> str:
    """Add a scope to the token and keep its signature."""
    header, payload, signature = token.split(".")
    claims = _object(payload)
    claims["scope"] = f"{claims['scope']} delete:timesheets"
    return f"{header}.{_part(claims)}.{signature}"


def alg_none(token: str, _keys: JsonObject) -> str:
    """Declare the token unsigned (RFC 7518 3.6) and leave the signature out."""
    header, payload, _ = token.split(".")
    return f"{_part(_object(header) | {'alg': 'none'})}.{payload}."


def hmac_by_public_key(token: str, keys: JsonObject) -> str:
    """Sign the token with the issuer's public key, in PEM, as if that were a shared secret."""
    encoded_header, payload, _ = token.split(".")
    header = _object(encoded_header)
    key = PyJWKSet.from_dict(keys)[header["kid"]].key
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_part(header | {'alg': 'HS256'})}.{payload}"
    return f"{signed}.{_base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def another_issuer(token: str, _keys: JsonObject) -> str:
    """Sign the token's claims with a key of another issuer, and name the address of that key."""
    header, payload, _ = token.split(".")
    issuer = "https://issuer.example"
    own = {"alg": "EdDSA", "kid": "its-own", "jku": f"{issuer}/.well-known/jwks.json"}
    claims = _object(payload) | {"iss": issuer}
    signed = f"{_part(_object(header) | own)}.{_part(claims)}"
    signature = Ed25519PrivateKey.generate().sign(signed.encode())
    return f"{signed}.{_base64url(signature)}"


FORGERIES: dict[str, Forgery] = {
    "with a token whose payload was changed": changed_payload,
    "with a token that says alg none": alg_none,
    "with a token signed with the public key as HMAC secret": hmac_by_public_key,
    "with a token of another issuer": another_issuer,
}


def _object(part: str) -> JsonObject:
    padding = "=" * (-len(part) % 4)
    members: JsonObject = json.loads(urlsafe_b64decode(part + padding))
    return members


def _part(members: JsonObject) -> str:
    return _base64url(json.dumps(members, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
