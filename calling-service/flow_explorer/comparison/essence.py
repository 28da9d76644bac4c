"""What a value says, without what differs each time that a message is sent or a token is issued.

Two values with one essence vary, but mean the same. An essence of "" says nothing.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from recording.redaction import CUT

from flow_explorer.words import as_text

JWT = re.compile(rf"\beyJ[\w-]*+\.[\w-]*+\.(?:{re.escape(CUT)})?", re.ASCII)
HEADERS = frozenset(
    {"age", "connection", "content-length", "date", "dpop-nonce", "server-timing", "traceparent"}
)
CLAIMS = frozenset({"ath", "auth_time", "jti", "nonce"})
LATEST = 1e12  # seconds; a number beyond is no time
OLD_PROOF = 60  # seconds after which a proof is no longer good (RFC 9449 11.1)


def of_header(name: str, value: str) -> str:
    """Return the essence of a header; a token in it is compared claim by claim."""
    if name.lower() in HEADERS:
        return ""
    return of_text(value)


def of_text(value: str) -> str:
    """Return the text with the same word in the place of each JWT."""
    return JWT.sub("JWT", value)


def of_claim(name: str, value: object, claims: Mapping[str, Any], sent: float, *, proof: bool = False) -> str:
    """Return the essence of a claim: of `exp` the lifetime, and whether it was over when it was sent."""
    if name in CLAIMS:
        return ""
    if not _is_time(value):
        return as_text(value)
    if name == "exp":
        return in_words(value, claims, sent)
    if name in {"iat", "nbf"}:
        return _moment(value, sent, proof=proof)
    return as_text(value)


def in_words(expiry: object, claims: Mapping[str, Any], sent: float) -> str:
    """Return what `exp` says to whoever gets the token: for how long it is good, and whether that is over."""
    if not _is_time(expiry):
        return ""
    lifetime = "no iat"
    issued = claims.get("iat")
    if _is_time(issued):
        lifetime = f"{expiry - issued:,.0f} seconds after iat"
    if expiry < sent:
        return f"{lifetime}, expired when sent"
    return lifetime


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LATEST


def _moment(value: float, sent: float, *, proof: bool) -> str:
    if value > sent + 1:  # iat and nbf are whole seconds
        return "in the future"
    if proof and value < sent - OLD_PROOF:
        return "long ago"
    return "now or before"
