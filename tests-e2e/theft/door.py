"""A proxy that ends TLS and writes down what passes: it hands certificates on as RFC 9440 says (rung 4).

It lets through the certificates that it trusts, and clients without one.
"""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from theft.recording_proxy import RecordingProxy


def self_signed(name: str) -> str:
    """Return a self-signed certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode() + private.decode()


def der_of(pem: str) -> bytes:
    """Return the certificate of a PEM text."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


@dataclass(eq=False)
class Door(RecordingProxy):
    """Leads /oauth/ to the authorization server, and the rest to the API; `folder` has its own files."""

    servers: dict[str, str] = field(default_factory=dict)  # by the beginning of the path
    trusted: tuple[str, ...] = ()  # PEM
    folder: Path = Path()

    def __post_init__(self) -> None:
        self.own = self.folder / "door.pem"
        self.own.write_text(self_signed("localhost"))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata="".join(self.trusted))
        self._context.load_cert_chain(self.own)
        self._context.verify_mode = ssl.CERT_OPTIONAL

    @property
    def address(self) -> str:
        """Return the door's URL."""
        return self.url.replace("http://127.0.0.1", "https://localhost")

    def opened(self, connection: Any) -> Any:
        """Make the handshake."""
        return self._context.wrap_socket(connection, server_side=True)

    def added(self, connection: Any) -> bytes:
        """Return the header that says whose certificate it is."""
        certificate = connection.getpeercert(binary_form=True)
        return b"Client-Cert: :" + b64encode(certificate) + b":\r\n" if certificate else b""

    def absolute(self, target: str) -> str:
        """Return the URL to which a request goes."""
        server = next(url for path, url in self.servers.items() if target.startswith(path))
        return server + target
