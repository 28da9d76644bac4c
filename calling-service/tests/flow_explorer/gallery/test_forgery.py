"""Each forgery is what its name says, and never has the issuer's signature."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flow_explorer.gallery.forgery import FORGERIES

KEY = rsa.generate_private_key(65537, 2048)
JWK = jwt.get_algorithm_by_name("RS256").to_jwk(KEY.public_key(), as_dict=True)
KEYS = {"keys": [{**JWK, "kid": "1", "alg": "RS256", "use": "sig"}]}
HEADER = {"typ": "at+jwt", "alg": "RS256", "kid": "1"}
CLAIMS = {"iss": "http://localhost:9000", "sub": "a", "scope": "read:timesheets"}
TOKEN = jwt.encode(CLAIMS, KEY, "RS256", HEADER)


def forged(how: str) -> tuple[dict[str, Any], dict[str, Any], str, str]:
    """Return header, claims, signature and what is signed."""
    token = FORGERIES[f"with a token {how}"](TOKEN, KEYS)
    header, claims, signature = token.split(".")
    decoded = [json.loads(urlsafe_b64decode(part + "==")) for part in (header, claims)]
    return decoded[0], decoded[1], signature, f"{header}.{claims}"


def test_the_payload_is_changed_and_nothing_else() -> None:
    header, claims, signature, _ = forged("whose payload was changed")
    assert (header, signature) == (HEADER, TOKEN.split(".")[2])
    assert claims == CLAIMS | {"scope": "read:timesheets delete:timesheets"}


def test_alg_none_has_no_signature() -> None:
    header, claims, signature, _ = forged("that says alg none")
    assert (header, claims, signature) == (HEADER | {"alg": "none"}, CLAIMS, "")


def test_the_public_key_is_the_hmac_secret() -> None:
    header, claims, signature, signed = forged("signed with the public key as HMAC secret")
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert (header, claims) == (HEADER | {"alg": "HS256"}, CLAIMS)
    assert urlsafe_b64decode(signature + "=") == hmac.digest(pem, signed.encode(), hashlib.sha256)


def test_another_issuer_signs_with_its_own_key() -> None:
    header, claims, *_ = forged("of another issuer")
    assert (header["alg"], header["kid"], header["jku"].startswith(claims["iss"])) == (
        "EdDSA",
        "its-own",
        True,
    )
    assert claims == CLAIMS | {"iss": "https://issuer.example"}


@pytest.mark.parametrize("how", FORGERIES)
def test_no_forgery_is_a_valid_token(how: str) -> None:
    token = FORGERIES[how](TOKEN, KEYS)
    with pytest.raises(jwt.InvalidTokenError):
        jwt.decode(token, jwt.PyJWK(KEYS["keys"][0]), algorithms=["RS256"])
