"""Tokens that are wrong in one thing, and what an API answers that gets everything right.

401 tells a client to get another token, 403 that another token would not help (RFC 6750 3.1).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interop.issuer import Issuer, Key

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Case:
    """A token by its name, and the status that is right."""

    name: str
    right: int
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)


def cases(issuer: Issuer, other_alg: str) -> list[Case]:
    """Return the table. `other_alg` is the algorithm of another key in the set, which is not this API's."""
    now = int(time.time()) + issuer.skew
    scope = issuer.scope
    return [
        Case("a list of audiences", 200, claims={"aud": ["https://other.example", issuer.audience]}),
        Case("typ JWT", 401, {"typ": "JWT"}),
        Case("no typ", 401, {"typ": None}),
        Case("expired", 401, claims={"iat": now - 2 * HOUR, "exp": now - HOUR}),
        Case("no exp", 401, claims={"exp": None}),
        Case("nbf ahead", 401, claims={"nbf": now + HOUR}),
        Case("another audience", 401, claims={"aud": "https://other.example"}),
        Case("no audience", 401, claims={"aud": None}),
        Case("another issuer", 401, claims={"iss": "https://other.example"}),
        Case("another algorithm", 401, {"alg": other_alg}),
        Case("alg none", 401, {"alg": "none"}),
        Case("HS256 by the public key", 401, {"alg": "HS256"}),
        Case("another signature", 401),
        Case("an unknown kid", 401, {"kid": "unknown"}),
        Case("garbage", 401),
        Case("no token", 401),
        Case("no scope", 403, claims={"scope": None}),
        Case("another scope", 403, claims={"scope": "delete:timesheets"}),
        Case("a longer scope", 403, claims={"scope": f"{scope}:all x{scope}"}),
        Case("a shorter scope", 403, claims={"scope": scope[:-1]}),
    ]


def authorization(case: Case, issuer: Issuer, key: Key, other: Key) -> str | None:
    """Return the header that shows a case's token; `other` is the published key of another algorithm."""
    if case.name == "no token":
        return None
    special = _SPECIAL.get(case.name)
    if special:
        return special(issuer, key)
    signing = other if case.name == "another algorithm" else key
    header = {"kid": other.kid, **case.header} if signing is other else case.header
    return f"Bearer {issuer.token(signing, header, **case.claims)}"


def _header(key: Key, **changes: str) -> dict[str, str]:
    return {"typ": "at+jwt", "alg": key.alg, "kid": key.kid, **changes}


def _unsigned(issuer: Issuer, key: Key) -> str:
    signed = key.sign(_header(key, alg="none"), issuer.claims())
    return f"Bearer {signed.rpartition('.')[0]}."


def _by_the_public_key(issuer: Issuer, key: Key) -> str:
    return f"Bearer {key.sign_with_the_public_key(_header(key, alg='HS256'), issuer.claims())}"


def _another_signature(issuer: Issuer, key: Key) -> str:
    return f"Bearer {Key(key.alg).sign(_header(key), issuer.claims())}"


_SPECIAL: Mapping[str, Callable[[Issuer, Key], str]] = {
    "alg none": _unsigned,
    "HS256 by the public key": _by_the_public_key,
    "another signature": _another_signature,
    "garbage": lambda issuer, key: "Bearer not-a-token",  # noqa: ARG005
}
