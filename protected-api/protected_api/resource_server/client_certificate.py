"""Mutual TLS: a token is served only over a connection with the certificate that it is bound to (RFC 8705 3).

TLS ends at a proxy, which passes the certificate on as `Client-Cert` (RFC 9440). The handshake has shown that
the sender has its private key. Not here: who issued it, which an API need not know (RFC 8705 6.2).
"""

import ipaddress
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from flask import Request

from .proof_of_possession import Presented, ProofOfPossession
from .refusals import RefusalError

MEMBER = "x5t#S256"  # of cnf: the SHA-256 digest of the certificate in DER
# An sf-binary (RFC 8941 3.3.5); two headers arrive joined by a comma, and are none.
SF_BINARY = re.compile(r":((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?):")


def mutual_tls(
    trusted_proxies: Iterable[str], *, required: bool = False, beside: ProofOfPossession | None = None
) -> ProofOfPossession:
    """Return what `protect(app, …, possession=…)` needs to serve certificate-bound tokens.

    `Client-Cert` is believed from these addresses and CIDR blocks alone, whose proxies must drop that of a
    caller. If `required`, a token must be bound. `beside` is another way to bind it, such as `dpop(…)`.
    """
    others = beside or ProofOfPossession()
    certificates = ClientCertificates(tuple(ipaddress.ip_network(proxy) for proxy in trusted_proxies))
    methods = {**others.methods, MEMBER: certificates.confirm}
    return replace(others, methods=methods, required=required or others.required)


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """The certificates that trusted proxies pass on."""

    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    def confirm(self, request: Request, _presented: Presented, thumbprint: Any) -> None:
        """Raise RefusalError unless the connection has the certificate with this thumbprint."""
        certificate = self._of(request)
        if certificate is None:
            raise _refusal("came without one")
        digest = urlsafe_b64encode(sha256(certificate).digest()).rstrip(b"=").decode()
        if digest != thumbprint:
            raise _refusal("came with another one")

    def _of(self, request: Request) -> bytes | None:
        """Return the certificate in DER; None if there is none, or if nobody may say so."""
        header = SF_BINARY.fullmatch(request.headers.get("Client-Cert", ""))
        if not header or not self._is_trusted(request.environ.get("REMOTE_ADDR", "")):
            return None
        return b64decode(header[1]) or None  # Caddy's template writes :: where there is none

    def _is_trusted(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in proxy for proxy in self.trusted_proxies)
        except ValueError:  # of a Unix socket
            return False


def _refusal(problem: str) -> RefusalError:
    return RefusalError(f"The token is bound to a certificate, and the request {problem}.", "proof")
