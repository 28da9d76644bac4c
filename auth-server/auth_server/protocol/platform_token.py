"""The token of a platform, such as Kubernetes, GitHub Actions or SPIFFE: reading it, checking its times.

Not here: for which client it vouches (federated_assertion.py).
"""

import re
from dataclasses import dataclass
from typing import Any

from auth_server.algorithms import CLIENT_ALGS
from auth_server.clients.federated_subjects import Issuer
from auth_server.clients.public_keys import ClientKey
from auth_server.errors import InvalidClientError
from auth_server.federation.issuer_keys import Keys
from auth_server.protocol.client_assertion import (
    ASSERTION_TYPE,
    CLOCK_SKEW,
    DECOYS,
    check_header,
    numeric_date,
    require,
)
from auth_server.protocol.compact_jws import CompactJws, read_jws
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.signatures import is_signed

SPIFFE_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"

# Kubernetes sends none, GitHub JWT, SPIFFE none, JWT or JOSE (JWT-SVID 2.3). at+jwt is for an API.
_TYPES = (None, "jwt", "jose", "client-authentication+jwt")
_SPIFFE_ID = re.compile(r"spiffe://([a-z0-9._-]{1,255})/.+")
_LONGEST_NAME = 500  # characters, as in the tenant file


@dataclass(frozen=True, slots=True)
class PlatformToken:
    """A token as presented, its signature not yet verified."""

    issuer: Issuer
    subject: str
    jws: CompactJws

    @property
    def alg(self) -> str:
        """Return our name of the algorithm."""
        return CLIENT_ALGS[self.jws.header["alg"]]

    def fits(self, key: ClientKey) -> bool:
        """Return whether this key may have signed the token."""
        kid = self.jws.header.get("kid")
        return key.alg == self.alg and (kid is None or key.kid in (None, kid))

    def is_signed_by(self, keys: Keys) -> bool:
        """Return whether one of these keys has signed the token, at the same cost if there is none."""
        public_keys = [key.public for key in keys] or [DECOYS[self.alg]]
        signed = any(is_signed(self.jws.signing_input, self.jws.signature, key) for key in public_keys)
        return signed and bool(keys)


def read_platform_token(request: OAuthRequest) -> PlatformToken | None:
    """Return the token in the body, None if it is no platform's; raise InvalidClientError."""
    assertion_type = request.form.get("client_assertion_type")
    if assertion_type not in (ASSERTION_TYPE, SPIFFE_ASSERTION_TYPE):
        return None
    try:
        jws = read_jws(request.form.get("client_assertion", ""))
    except ValueError:
        raise InvalidClientError(reason="client_assertion: malformed") from None
    if assertion_type == ASSERTION_TYPE and jws.claims.get("iss") == jws.claims.get("sub"):
        return None  # a client signs its own assertion as iss and sub (RFC 7523 3)
    check_header(jws.header, _TYPES)
    subject = _name(jws.claims, "sub")
    if assertion_type == ASSERTION_TYPE:
        return PlatformToken(Issuer(_name(jws.claims, "iss")), subject, jws)
    return PlatformToken(_spiffe_issuer(jws.claims, subject), subject, jws)


def _spiffe_issuer(claims: dict[str, Any], subject: str) -> Issuer:
    """Return the issuer of a JWT-SVID; without an iss, its trust domain (JWT-SVID 3)."""
    spiffe_id = _SPIFFE_ID.fullmatch(subject)
    if not spiffe_id:
        raise InvalidClientError(reason="client_assertion: the sub is not a SPIFFE ID")
    if claims.get("iss") is None:
        return Issuer(spiffe_id[1], is_trust_domain=True)
    return Issuer(_name(claims, "iss"))


def check_times(claims: dict[str, Any], lifetime: int, now: float) -> None:
    """Check when the token was issued and expires; raise InvalidClientError."""
    exp = numeric_date(claims.get("exp"))
    iat = numeric_date(claims.get("iat", now))  # SPIFFE demands none
    require(now - CLOCK_SKEW < exp, "the exp is missing or past")
    require(exp <= iat + lifetime, f"it lives longer than {lifetime} s")
    require(iat <= now + CLOCK_SKEW, "the iat is wrong")
    require(numeric_date(claims.get("nbf", now)) <= now + CLOCK_SKEW, "the nbf is wrong")


def _name(claims: dict[str, Any], claim: str) -> str:
    name = claims.get(claim)
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
        return name
    raise InvalidClientError(reason=f"client_assertion: the {claim} is missing or not a name")
