"""Make and verify the signature of a JWS by the kind of key (RFC 7518 3.3 and 3.4, RFC 8037 3.1).

Not by joserfc, whose keys these are: its functions refuse the name EdDSA, and the classes behind them check
and convert the key again for each signature.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import Key

_SHA256 = SHA256()
_ECDSA = ECDSA(_SHA256)
_PKCS1 = PKCS1v15()
_COORDINATE = 32  # bytes of each of the two numbers in a signature with a P-256 key


Sign = Callable[[bytes], bytes]


def signer(key: Key) -> Sign:
    """Return the function that signs with a private key: RSA (RS256), P-256 (ES256) or Ed25519.

    With any other key it raises TypeError. To look for it at each token takes a tenth of an ES256 signature.
    """
    private_key = key.private_key
    if isinstance(private_key, RSAPrivateKey):
        return lambda message: private_key.sign(message, _PKCS1, _SHA256)
    if isinstance(private_key, EllipticCurvePrivateKey):
        return lambda message: _concatenated(private_key.sign(message, _ECDSA))
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.sign
    return _cannot_sign


def _cannot_sign(_: bytes) -> bytes:
    raise TypeError("no algorithm signs with this key")


def is_signed(message: bytes, signature: bytes, key: Key) -> bool:
    """Return whether this is the signature of the message with the private half of a key."""
    public_key = key.public_key
    try:
        if isinstance(public_key, RSAPublicKey):
            public_key.verify(signature, message, _PKCS1, _SHA256)
        elif isinstance(public_key, EllipticCurvePublicKey):
            public_key.verify(_der(signature), message, _ECDSA)
        elif isinstance(public_key, Ed25519PublicKey):
            public_key.verify(signature, message)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _concatenated(der: bytes) -> bytes:
    """Return an ECDSA signature as a JWS has it: two numbers of 32 bytes each (RFC 7518 3.4)."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


def _der(signature: bytes) -> bytes:
    """Return the signature as cryptography wants it; raise InvalidSignature if it has another length."""
    if len(signature) != 2 * _COORDINATE:
        raise InvalidSignature
    r = int.from_bytes(signature[:_COORDINATE], "big")
    s = int.from_bytes(signature[_COORDINATE:], "big")
    return encode_dss_signature(r, s)
