"""The keys and the certificate of the suite: made when they are needed, gone with the process."""

import datetime
import ipaddress
import json
import ssl
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, OKPKey, RSAKey

KINDS: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "Ed25519": OKPKey}

CA_VARIABLES = ("CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@cache
def key(kind: str) -> RSAKey | ECKey | OKPKey:
    """Return the client's key of a kind, the same each time; its `kid` is the kind."""
    make: Callable[..., RSAKey | ECKey | OKPKey] = KINDS[kind].generate_key
    return make(parameters={"kid": kind})


def write_key(kind: str, folder: Path) -> dict[str, str]:
    """Write a key into a folder, as PEM and as a JWK; return the variables that name the files."""
    pem = folder / "key.pem"
    private_jwk = folder / "key.jwk"
    pem.write_bytes(key(kind).as_pem(private=True))
    private_jwk.write_text(json.dumps(key(kind).as_dict(private=True)))
    return {"KEY_FILE": str(pem), "JWK_FILE": str(private_jwk)}


def public_keys() -> str:
    """Return the JWK Set that the tenant file names."""
    return json.dumps({"keys": [key(kind).as_dict(private=False) for kind in KINDS]})


def certificate(folder: Path) -> tuple[ssl.SSLContext, dict[str, str]]:
    """Write a self-signed certificate for localhost; return the server's side and the client's variables."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    ca = folder / "ca.pem"
    chain = folder / "server.pem"
    ca.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    kept = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain.write_bytes(kept + ca.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, dict.fromkeys(CA_VARIABLES, str(ca))
