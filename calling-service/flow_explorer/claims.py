"""A token claim by claim: what each is for, its times in words, and which check of the API bore it out.

Decoded is what anybody can read; verified is what the API found true, as its answer to this very token tells.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from flow_explorer.meanings import Meaning, meaning
from flow_explorer.words import claimed_time

Document = dict[str, Any]
State = Literal["decoded", "verified", "refused"]

# The check of the API that is about a header parameter or claim; of any other the signature speaks alone.
CHECKED_BY = {
    "alg": "alg-allowed",
    "typ": "typ",
    "kid": "kid-known",
    "iss": "issuer",
    "aud": "audience",
    "scope": "scope",
    **dict.fromkeys(("exp", "iat", "nbf"), "times"),
    **dict.fromkeys(("sub", "client_id", "jti"), "required-claims"),
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A header parameter or claim; `check` is the API's check that settled its state."""

    part: str  # header or payload
    name: str
    value: str
    words: str | None
    meaning: Meaning | None
    state: State
    check: str | None


def claims(token: Document, checks: Sequence[Document], now: datetime) -> list[Claim]:
    """Return the token's claims in their order; `checks` are the API's of this token, none if unknown."""
    return [
        _claim(part, name, value, checks, now)
        for part in ("header", "payload")
        for name, value in token[part].items()
    ]


def checks_of(token: Document, run: Document) -> list[Document]:
    """Return the checks that the API made of this token in the run, the first time it was presented."""
    for exchange in run["exchanges"]:
        if exchange["request"]["token"] == token and exchange.get("checks"):
            checks: list[Document] = exchange["checks"]
            return checks
    return []


def _claim(part: str, name: str, value: object, checks: Sequence[Document], now: datetime) -> Claim:
    told = meaning("jose" if part == "header" else "claim", name)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    words = claimed_time(name, value, now) if part == "payload" else None
    return Claim(part, name, text, words, told, *_state(CHECKED_BY.get(name, "signature"), checks))


def _state(check: str, checks: Sequence[Document]) -> tuple[State, str | None]:
    """Return whether the claim is verified, which takes its own check and the signature's, and by which."""
    found = {each["name"]: each for each in checks}
    if check in found and found[check]["reason"]:
        return "refused", check
    if "remembered" in found:  # so that the API has made all of its checks before
        return "verified", check if check in found else "remembered"
    signed = "signature" in found and not found["signature"]["reason"]
    return ("verified", check) if signed and check in found else ("decoded", None)
