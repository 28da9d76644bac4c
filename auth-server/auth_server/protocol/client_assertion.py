"""A client's signed assertion, `private_key_jwt` (RFC 7521 4.2, RFC 7523 2.2 and 3).

Authlib 1.9.9 accepts any audience in a list, any lifetime and any typ, answers failures with 400, and checks
the jti in a way that lets two workers accept one assertion.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from joserfc import jwk

from auth_server.algorithms import CLIENT_ALGS, generate_key
from auth_server.clients.public_keys import ClientKey
from auth_server.clients.registry import Client
from auth_server.errors import InvalidClientError
from auth_server.grammar import CLIENT_ID
from auth_server.protocol.compact_jws import CompactJws, read_jws
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.signatures import is_signed

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFETIME = 3600
CLOCK_SKEW = 60

_TYPES = (None, "jwt", "client-authentication+jwt")

# Public keys whose private keys nobody has: verifying with them costs what a client's key costs.
DECOYS = {
    "RS256": jwk.import_key({"kty": "RSA", "n": "_" * 341 + "w", "e": "AQAB"}),
    "ES256": jwk.import_key(generate_key("ES256").as_dict(private=False)),
    "EdDSA": jwk.import_key(generate_key("EdDSA").as_dict(private=False)),
}


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """An assertion as presented, its signature not yet verified."""

    client_id: str
    jws: CompactJws

    @property
    def alg(self) -> str:
        """Return our name of the algorithm."""
        return CLIENT_ALGS[self.jws.header["alg"]]

    @property
    def claims(self) -> dict[str, Any]:
        """Return the claims."""
        return self.jws.claims

    def authenticates(self, client: Client | None) -> bool:
        """Return whether a key of the client has signed this, at the same cost if there is no such key."""
        keys = client.keys if client else ()
        fitting = [key.public for key in keys if key.alg == self.alg and self._names(key)]
        candidates = fitting or [DECOYS[self.alg]]
        signed = any(is_signed(self.jws.signing_input, self.jws.signature, key) for key in candidates)
        return signed and bool(fitting)

    def failure_reason(self, client: Client) -> str:
        """Return why no key of the client has signed this."""
        if client.has_secret:
            return "a signed assertion, but the client is registered with a secret"
        if not client.has_key:
            return "a signed assertion, but the client is registered without a key"
        if not client.keys:
            return "no usable key"
        of_alg = [key for key in client.keys if key.alg == self.alg]
        if not of_alg:
            return f"no key of the client is for {self.alg}"
        if not any(map(self._names, of_alg)):
            return "no key of the client has this kid"
        return "wrong signature"

    def _names(self, key: ClientKey) -> bool:
        """Return whether the kid may mean this key: many libraries name one for a key registered without."""
        kid = self.jws.header.get("kid")
        return kid is None or key.kid in (None, kid)


def read_assertion(request: OAuthRequest) -> ClientAssertion:
    """Return the assertion in the body; raise InvalidClientError if it cannot be a client's."""
    if request.form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClientError(reason="the client_assertion_type is not jwt-bearer")
    try:
        jws = read_jws(request.form.get("client_assertion", ""))
    except ValueError:
        raise InvalidClientError(reason="client_assertion: malformed") from None
    check_header(jws.header, _TYPES)
    client_id = jws.claims.get("iss")
    is_client_id = isinstance(client_id, str) and CLIENT_ID.fullmatch(client_id)
    if not is_client_id or jws.claims.get("sub") != client_id:
        raise InvalidClientError(reason="client_assertion: iss and sub are not one client_id")
    return ClientAssertion(str(client_id), jws)


def check_header(header: dict[str, Any], types: Collection[str | None]) -> None:
    """Check the header of a client assertion, whose typ must be one of these; raise InvalidClientError."""
    typ = header.get("typ")
    if isinstance(typ, str):
        typ = typ.lower().removeprefix("application/")
    require(header.get("alg") in tuple(CLIENT_ALGS), f"the alg is not one of {', '.join(CLIENT_ALGS)}")
    require("crit" not in header, "crit is not understood")  # RFC 7515 4.1.11
    require(typ in types, "the typ is not that of an assertion")
    require(isinstance(header.get("kid", ""), str), "the kid is not a string")


def require(holds: bool, problem: str) -> None:
    """Raise InvalidClientError with the problem as its reason, unless this holds."""
    if not holds:
        raise InvalidClientError(reason=f"client_assertion: {problem}")


def check_claims(assertion: ClientAssertion, audiences: Collection[str], now: float) -> tuple[str, int]:
    """Return the jti, and until which Unix time to remember it; raise InvalidClientError."""
    claims = assertion.claims
    jti = claims.get("jti")
    exp = numeric_date(claims.get("exp"))
    checks = {
        "aud": _is_for(claims.get("aud"), audiences),
        # Authlib's client lets its assertions live for an hour, and its clock may be ahead.
        "exp": now - CLOCK_SKEW < exp <= now + MAX_LIFETIME + CLOCK_SKEW,
        "iat": numeric_date(claims.get("iat", now)) <= now + CLOCK_SKEW,
        "nbf": numeric_date(claims.get("nbf", now)) <= now + CLOCK_SKEW,
        "jti": isinstance(jti, str) and jti != "",
    }
    for name, holds in checks.items():
        require(holds, f"the {name} is missing or wrong")
    return str(jti), math.ceil(exp) + CLOCK_SKEW


def _is_for(aud: Any, audiences: Collection[str]) -> bool:
    named = aud if isinstance(aud, list) else [aud]
    return bool(named) and all(one in audiences for one in named)


def numeric_date(value: Any) -> float:
    """Return a NumericDate (RFC 7519 2), or NaN, which is neither before nor after anything."""
    seconds: float = value if type(value) in (int, float) else math.nan
    return seconds
