"""Client certificates for the gallery: the job's own, and one that a thief makes (RFC 8705 3).

Not here: how the job presents its certificate (calling_service.oauth_client.tls_client_certificate).
"""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from calling_service.oauth_client.token_request import find_token_endpoint
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from flow_explorer.servers import Servers

ASKS = "with its certificate"
OWN = "with the token and its certificate"
ANOTHER = "with the token and another certificate"
ELSEWHERE = "with the token from elsewhere"
CALLS = (OWN, ANOTHER, ELSEWHERE)


class Certificates:
    """The certificates of one case."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._files = ExitStack()

    def close(self) -> None:
        """Delete the thief's certificate."""
        self._files.close()

    def of_token_request(self) -> dict[str, Any]:
        """Return the certificate of the client, as arguments of requests; or raise LookupError."""
        if self._servers.certificate is None:
            raise LookupError(ASKS)
        return {"cert": tuple(map(str, self._servers.certificate))}

    def token_url(self) -> str:
        """Return the token endpoint for clients with a certificate; raise TokenError."""
        with requests.Session() as session:
            session.verify = str(self._servers.ca_file or True)
            return find_token_endpoint(session, self._servers.issuer, self._servers.timeout, mtls=True)

    def of_call(self, how: str) -> dict[str, Any]:
        """Return the certificate of a call, as arguments of requests; empty if it presents none."""
        if how == ELSEWHERE:
            return {}
        if how == OWN:
            return self.of_token_request()
        folder = self._files.enter_context(TemporaryDirectory())
        return {"cert": str(write_certificate(Path(folder) / "another.pem"))}


def write_certificate(file: Path) -> Path:
    """Write a self-signed certificate and its key, and return the file."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    file.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file
