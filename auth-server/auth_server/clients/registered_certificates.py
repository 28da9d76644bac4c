"""The certificates that a client has signed itself: the `x5c` of a JWK Set in a file (RFC 8705 2.2.2)."""

import base64
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from joserfc import jwk
from joserfc.errors import JoseError

from auth_server.clients.public_keys import KeyFileError, public_members, read_json


def read_certificates(file: Path) -> tuple[bytes, ...]:
    """Return the SHA-256 digests of the certificates, at least one; raise KeyFileError."""
    members = public_members(read_json(file))
    digests = tuple(_digest(member) for member in members if "x5c" in member)
    if not digests:
        raise KeyFileError("has no key with an x5c")
    return digests


def _digest(member: dict[str, Any]) -> bytes:
    try:
        certificate = base64.b64decode(member["x5c"][0], validate=True)
        certified = x509.load_der_x509_certificate(certificate).public_key()
        key = jwk.import_key(member).get_op_key("verify")
    except (JoseError, ValueError, TypeError, LookupError, x509.InvalidVersion):
        raise KeyFileError("has a key or a certificate that cannot be read") from None
    if key != certified:  # RFC 7517 4.7
        raise KeyFileError("has a certificate of another key than the one beside it")
    return sha256(certificate).digest()
