"""The checks of a JWT access token, RFC 9068 4: one function each, in the order of CHECKS.

Not here: how a token is presented (authorization.py), where keys come from (issuer_keys.py), a route's scope.
"""
# ruff: noqa: D103  (the name of a check is its sentence)

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jwt import PyJWK

from .strict_formats import base64url, json_object

MAX_SIZE = 4096
ALGORITHMS = ("RS256", "ES256", "EdDSA")
TYPES = ("at+jwt", "application/at+jwt")
YEAR_10000 = 253402300800  # no sane time is beyond; infinity and numbers of 3000 digits are


class RefusalError(Exception):
    """A check refuses the request with this status and error code (RFC 6750 3.1), empty where no token came.

    The message is a fixed sentence that quotes nothing of the token.
    """

    def __init__(
        self, check: str, reason: str, status: int = 401, error: str = "invalid_token", **more: str
    ) -> None:
        super().__init__(reason)
        self.check, self.status = check, status
        self.body = {"error": error, "error_description": reason, **more} if error else {}


class UnavailableError(Exception):
    """What a check needs is not to be had at present; the message says why, for the log alone."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(reason)
        self.check = check


Tell = Callable[[str, str | None], None]  # that a check was passed, or why it failed


def untold(_: str, __: str | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a resource server demands of a token, and whom it tells of each check."""

    issuer: str
    audience: str
    find_key: Callable[[str], PyJWK | None]  # by `kid`; raises UnavailableError
    clock_skew: float = 60  # seconds
    clock: Callable[[], float] = time.time
    tell: Tell = untold


@dataclass(slots=True)
class AccessToken:
    """A token under examination; after it, the proof of who calls and what for."""

    compact: str = field(repr=False)
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    signature: bytes = field(default=b"", repr=False)
    key: PyJWK | None = None

    @property
    def client_id(self) -> str:
        """The client that was issued the token."""
        return str(self.claims["client_id"])

    @property
    def scope(self) -> list[str]:
        """The granted scopes, as whole words (RFC 6749 3.3)."""
        return str(self.claims.get("scope", "")).split(" ")


# A check returns why it refuses the token, or None.
Check = Callable[[AccessToken, Policy], str | None]


def size(token: AccessToken, _: Policy) -> str | None:
    return f"The token is longer than {MAX_SIZE} characters." if len(token.compact) > MAX_SIZE else None


def well_formed(token: AccessToken, _: Policy) -> str | None:
    try:
        header, claims, token.signature = (base64url(part) for part in token.compact.split("."))
        token.header, token.claims = json_object(header), json_object(claims)
    except ValueError:
        return "The token is not three canonical base64url parts, of JSON objects with unique members."
    return None


def alg_allowed(token: AccessToken, _: Policy) -> str | None:
    return None if token.header.get("alg") in ALGORITHMS else "The algorithm of the token is not allowed."


def crit(token: AccessToken, _: Policy) -> str | None:
    # RFC 7515 4.1.11: we understand no extension, so any critical one is refused.
    return "The token has critical header parameters." if "crit" in token.header else None


def typ(token: AccessToken, _: Policy) -> str | None:
    kind = token.header.get("typ")
    return None if isinstance(kind, str) and kind.lower() in TYPES else "The token is not of type at+jwt."


def kid_known(token: AccessToken, policy: Policy) -> str | None:
    kid = token.header.get("kid")
    token.key = policy.find_key(kid) if isinstance(kid, str) else None
    return None if token.key else "The token names no key of the issuer."


def alg_fits_the_key(token: AccessToken, _: Policy) -> str | None:
    fits = token.key and token.key.algorithm_name == token.header["alg"]
    return None if fits else "The key of the token is for another algorithm."


def signature(token: AccessToken, _: Policy) -> str | None:
    signed = token.compact.rpartition(".")[0].encode()
    good = token.key and token.key.Algorithm.verify(signed, token.key.key, token.signature)
    return None if good else "The signature of the token is wrong."


def issuer(token: AccessToken, policy: Policy) -> str | None:
    return None if token.claims.get("iss") == policy.issuer else "The token is from another issuer."


def audience(token: AccessToken, policy: Policy) -> str | None:
    aud = token.claims.get("aud")
    named = aud if isinstance(aud, list) else [aud]
    good = policy.audience in named and all(isinstance(name, str) for name in named)
    return None if good else "The token is for another audience."


def times(token: AccessToken, policy: Policy) -> str | None:
    now, skew = policy.clock(), policy.clock_skew
    exp, iat, nbf = (token.claims.get(name, now) for name in ("exp", "iat", "nbf"))
    if not all(type(at) in {int, float} and 0 <= at < YEAR_10000 for at in (exp, iat, nbf)):
        return "A time in the token is not a number of seconds."
    if now >= exp + skew:
        return "The token has expired."
    return "The token is not valid yet." if max(iat, nbf) > now + skew else None


def required_claims(token: AccessToken, _: Policy) -> str | None:
    # RFC 9068 2.2. Printable, because client_id and sub go into databases and logs.
    texts = [token.claims.get(name) for name in ("iss", "sub", "client_id", "jti")]
    good = all(isinstance(text, str) and text and text.isprintable() for text in texts)
    good = good and isinstance(token.claims.get("scope", ""), str)
    good = good and token.claims.keys() >= {"exp", "iat", "aud"}
    return None if good else "A claim that RFC 9068 requires is missing or of the wrong type."


CHECKS: tuple[Check, ...] = (
    *(size, well_formed, alg_allowed, crit, typ, kid_known, alg_fits_the_key, signature),
    *(issuer, audience, times, required_claims),
)


def verify(token: AccessToken, policy: Policy, checks: tuple[Check, ...] = CHECKS) -> AccessToken:
    """Return the token if it passes every check; raise RefusalError at the first that it fails."""
    for check in checks:
        if reason := check(token, policy):
            raise RefusalError(check.__name__.replace("_", "-"), reason)
        policy.tell(check.__name__, None)
    return token
