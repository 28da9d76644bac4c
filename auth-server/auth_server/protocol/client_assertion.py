"""Client authentication with a signed assertion, `private_key_jwt` (RFC 7521 4.2, RFC 7523 2.2 and 3).

As rfc7523bis has it, the audience is the issuer alone. Authlib 1.9.9 takes any audience in a list, any
lifetime and any typ, answers failures with 400, and leaves a race between workers in its check of the jti.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwk
from joserfc.jws import JWSRegistry

from auth_server.clients.public_keys import ClientKey
from auth_server.clients.registry import Client
from auth_server.errors import InvalidClientError
from auth_server.grammar import CLIENT_ID, refuse_constant
from auth_server.protocol.oauth_request import TokenRequest

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFETIME = 3600
CLOCK_SKEW = 60

_TYPES = (None, "jwt", "client-authentication+jwt")
_BASE64URL = re.compile("[A-Za-z0-9_-]+")

# Nobody's keys: verifying with them costs what a real key costs.
_DECOYS = (
    ClientKey(None, "RS256", jwk.import_key({"kty": "RSA", "n": "_" * 341 + "w", "e": "AQAB"})),
    ClientKey(None, "ES256", jwk.generate_key("EC", "P-256", private=False)),
    ClientKey(None, "EdDSA", jwk.generate_key("OKP", "Ed25519", private=False)),
)


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """An assertion as presented, its signature not yet verified."""

    client_id: str
    alg: str
    kid: str | None
    claims: dict[str, Any]
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def proves(self, client: Client | None) -> bool:
        """Tell whether a key of the client has signed this, at the same cost where there is none."""
        keys = [key for key in client.keys if self._fits(key)] if client else []
        return any(self._is_signed_by(key) for key in keys or self._decoys()) and bool(keys)

    def failure(self, client: Client) -> str:
        """Say why the client's keys have not proved it."""
        return "wrong signature or kid" if client.keys else "no usable key"

    def _fits(self, key: ClientKey) -> bool:
        return key.alg == self.alg and self.kid in (None, key.kid)

    def _decoys(self) -> Iterable[ClientKey]:
        return (key for key in _DECOYS if key.alg == self.alg)

    def _is_signed_by(self, key: ClientKey) -> bool:
        return JWSRegistry.algorithms[self.alg].verify(self.signing_input, self.signature, key.public)


def read_assertion(request: TokenRequest) -> ClientAssertion:
    """Read the assertion in the body; raise InvalidClientError where it cannot be one of a client."""
    if request.form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClientError(reason="the client_assertion_type is not jwt-bearer")
    signing_input, _, signature = request.form.get("client_assertion", "").rpartition(".")
    header_part, _, claims_part = signing_input.partition(".")
    header, claims = _members(header_part), _members(claims_part)
    if problem := _header_problem(header):
        raise InvalidClientError(reason=f"client_assertion: {problem}")
    client_id = claims.get("iss")
    if not isinstance(client_id, str) or not CLIENT_ID.fullmatch(client_id) or claims.get("sub") != client_id:
        raise InvalidClientError(reason="client_assertion: iss and sub are not one client_id")
    return ClientAssertion(
        client_id, header["alg"], header.get("kid"), claims, signing_input.encode(), _decode(signature)
    )


def _members(part: str) -> dict[str, Any]:
    try:
        text = _decode(part).decode()  # RFC 7519 7.2: UTF-8, where bytes may be UTF-16 or -32 to `json`
        members = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise InvalidClientError(reason="client_assertion: malformed")
    return members


def _decode(part: str) -> bytes:
    if not _BASE64URL.fullmatch(part) or len(part) % 4 == 1:
        raise InvalidClientError(reason="client_assertion: malformed")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _header_problem(header: dict[str, Any]) -> str | None:
    if header.get("alg") not in [key.alg for key in _DECOYS]:
        return "the alg is not RS256, ES256 or EdDSA"
    if "crit" in header:
        return "crit is not understood"  # RFC 7515 4.1.11
    typ = header.get("typ")
    if (typ.lower().removeprefix("application/") if isinstance(typ, str) else typ) not in _TYPES:
        return "the typ is another one's"
    return None if isinstance(header.get("kid", ""), str) else "the kid is no string"


def check_claims(assertion: ClientAssertion, audiences: Iterable[str], now: float) -> tuple[str, int]:
    """Give the jti and until when it must be remembered, in seconds since 1970; raise InvalidClientError."""
    claims = assertion.claims
    aud, jti, exp = claims.get("aud"), claims.get("jti"), _time(claims.get("exp"))
    checks: dict[str, Callable[[], bool]] = {
        "aud": lambda: _is_for(aud if isinstance(aud, list) else [aud], audiences),
        # Authlib's client lets its assertions live for an hour, and its clock may be ahead.
        "exp": lambda: now - CLOCK_SKEW < exp <= now + MAX_LIFETIME + CLOCK_SKEW,
        "iat": lambda: _time(claims.get("iat", now)) <= now + CLOCK_SKEW,
        "nbf": lambda: _time(claims.get("nbf", now)) <= now + CLOCK_SKEW,
        "jti": lambda: isinstance(jti, str) and jti != "",
    }
    for name, holds in checks.items():
        if not holds():
            raise InvalidClientError(reason=f"client_assertion: the {name} is missing or wrong")
    return str(jti), math.ceil(exp) + CLOCK_SKEW


def _is_for(aud: list[Any], audiences: Iterable[str]) -> bool:
    accepted = list(audiences)
    return bool(aud) and all(one in accepted for one in aud)


def _time(value: Any) -> float:
    """Give a NumericDate (RFC 7519 2); for what is none, NaN, which is neither before nor after anything."""
    return value if type(value) in (int, float) else math.nan
