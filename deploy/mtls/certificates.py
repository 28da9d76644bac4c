"""Make a certificate authority (CA) for clients, once, and a certificate of the import job, at each start.

The job's certificate has the name JOB_NAME. The files: /ca has the CA with its key, /clients its certificate,
/job the certificate and the key of the job.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clients of the Timesheets API")])
CA_LIFE = timedelta(days=3650)
LIFE = timedelta(days=90)
CA_KEY = Path("/ca/key.pem")


def builder(key: EllipticCurvePrivateKey, subject: x509.Name, life: timedelta) -> x509.CertificateBuilder:
    """Return what a certificate of the CA has in any case."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().issuer_name(CA_NAME).subject_name(subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(minutes=1)).not_valid_after(now + life)


def ca_certificate(ca: EllipticCurvePrivateKey) -> x509.Certificate:
    """Return the CA's own certificate, which may sign certificates of clients and nothing below them."""
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment"), False)
    usage |= dict.fromkeys(("data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False)
    own = builder(ca, CA_NAME, CA_LIFE)
    own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    own = own.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
    own = own.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca.public_key()), critical=False)
    return own.sign(ca, SHA256())


def job_certificate(ca: EllipticCurvePrivateKey, key: EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    """Return a certificate for TLS clients, with the name as its subject alternative name."""
    signed = builder(key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "import job")]), LIFE)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())
    for extension in (
        x509.SubjectAlternativeName([x509.DNSName(name)]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
        issuer,
    ):
        signed = signed.add_extension(extension, critical=False)
    return signed.sign(ca, SHA256())


def write(file: Path, content: bytes, mode: int) -> None:
    """Replace a file as a whole."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(0o600)
    new.write_bytes(content)
    new.chmod(mode)
    new.replace(file)


def pem(key: EllipticCurvePrivateKey) -> bytes:
    """Return a key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def ca_key() -> EllipticCurvePrivateKey:
    """Return the key of the CA, which is made at the first start."""
    if not CA_KEY.exists():
        made = generate_private_key(SECP256R1())
        write(Path("/clients/ca.pem"), ca_certificate(made).public_bytes(Encoding.PEM), 0o444)
        write(CA_KEY, pem(made), 0o400)
    return cast(EllipticCurvePrivateKey, load_pem_private_key(CA_KEY.read_bytes(), None))


def main() -> None:
    """Make what is missing, and the job's certificate."""
    ca = ca_key()
    key = generate_private_key(SECP256R1())
    certificate = job_certificate(ca, key, os.environ["JOB_NAME"])
    # Only the job's container mounts this folder; its user has another id.
    write(Path("/job/tls.key"), pem(key), 0o444)
    write(Path("/job/tls.crt"), certificate.public_bytes(Encoding.PEM), 0o444)


if __name__ == "__main__":
    main()
