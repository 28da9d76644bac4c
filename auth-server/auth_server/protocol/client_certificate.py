"""A client's TLS certificate as its credential: tls_client_auth, self_signed_tls_client_auth (RFC 8705 2).

TLS ends at a proxy, whose handshake has shown that the client has the private key. All else is checked here,
so that it does not matter which certificates the proxy lets through.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from auth_server.clients.registry import Client
from auth_server.errors import InvalidClientError
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.settings import Settings


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate as presented; `names` are those that one of our CAs vouches for now."""

    client_id: str
    digest: bytes
    is_valid_now: bool
    names: frozenset[str]

    def authenticates(self, client: Client | None) -> bool:
        """Return whether this is the certificate of the client."""
        if client is None:
            return False
        is_registered = self.is_valid_now and self.digest in client.certificates
        return is_registered or client.certificate_name in self.names

    def failure_reason(self, client: Client) -> str:
        """Return why this is not the certificate of the client."""
        if not client.has_certificate:
            return "a certificate, but the client is registered without one"
        if not self.is_valid_now:
            return "an expired certificate, or one that is not valid yet"
        if not client.certificate_name:
            return "a certificate that is not registered"
        if not self.names:
            return "no CA of MTLS_CA_FILE vouches for a name in the certificate"
        return f"the certificate does not have the name {client.certificate_name}"


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """Reads the certificates of requests; `now` in Unix time."""

    authorities: Store | None
    now: Callable[[], float] = time.time

    def read(self, request: OAuthRequest) -> ClientCertificate:
        """Return the certificate of a request that names its client; raise InvalidClientError."""
        now = datetime.fromtimestamp(self.now(), UTC)
        try:
            certificate = x509.load_der_x509_certificate(request.certificate)
            is_valid_now = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
        except (ValueError, x509.InvalidVersion):  # the second is no ValueError
            raise InvalidClientError(reason="a certificate that cannot be read") from None
        digest = sha256(request.certificate).digest()
        names = frozenset(self._names(certificate, now))
        return ClientCertificate(request.form["client_id"], digest, is_valid_now, names)

    def _names(self, certificate: x509.Certificate, now: datetime) -> list[str]:
        """Return the DNS names and URIs of a certificate that one of our CAs has issued for clients."""
        if self.authorities is None:
            return []
        verifier = PolicyBuilder().store(self.authorities).time(now).build_client_verifier()
        try:
            subjects = verifier.verify(certificate, []).subjects or []
        except (VerificationError, ValueError):
            return []
        dns_names = [f"DNS:{name.value.lower()}" for name in subjects if isinstance(name, x509.DNSName)]
        uris = [name.value for name in subjects if isinstance(name, x509.UniformResourceIdentifier)]
        return [*dns_names, *(f"URI:{uri}" for uri in uris)]


def client_certificates(settings: Settings) -> Callable[[OAuthRequest], ClientCertificate]:
    """Return what reads the certificates of requests, with the CAs of MTLS_CA_FILE."""
    authorities = None
    if settings.mtls_ca_file:
        authorities = Store(x509.load_pem_x509_certificates(settings.mtls_ca_file.read_bytes()))
    return ClientCertificates(authorities).read
