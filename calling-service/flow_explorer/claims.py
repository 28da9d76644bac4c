"""A token claim by claim: its meaning, its times in words, and the check of the API that verified it.

Anybody can decode a token. A claim is verified once the API has checked it, as its answer reports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from recording.exchange import DecodedToken
from recording.server_timing import Check

from flow_explorer.meanings import Meaning, meaning_of
from flow_explorer.recorded_run import RecordedRun
from flow_explorer.words import as_text, claimed_time

State = Literal["decoded", "verified", "refused"]

# The check of the API that looks at a header parameter or claim; the signature covers all others.
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
    """A header parameter or claim; `check` is the API's check that decided its state."""

    part: str  # header or payload
    name: str
    value: str
    time: str | None  # in words
    meaning: Meaning | None
    state: State
    check: str | None


def claims(token: DecodedToken, checks: Sequence[Check], now: datetime) -> list[Claim]:
    """Return the token's claims in their order; `checks` are those that the API made of it, if any."""
    found = []
    for member in token.members():
        state, check = _state(CHECKED_BY.get(member[1], "signature"), checks)
        found.append(_claim("token", member, now, state, check))
    return found


def proof_claims(proof: DecodedToken, checks: Sequence[Check], now: datetime) -> list[Claim]:
    """Return the members of a DPoP proof in their order; the check `proof` covers all of them."""
    state: State = "decoded"
    check = None
    made = next((check for check in checks if check.name == "proof"), None)
    if made:
        state = "verified"
        check = made.name
    if made and made.reason:
        state = "refused"
    return [_claim("proof", member, now, state, check) for member in proof.members()]


def _claim(kind: str, member: tuple[str, str, Any], now: datetime, state: State, check: str | None) -> Claim:
    part, name, value = member
    time = None
    if part == "payload":
        time = claimed_time(name, value, now)
    return Claim(part, name, as_text(value), time, meaning_of(f"{kind} {part}", name), state, check)


def checks_of(token: DecodedToken | None, recorded: RecordedRun) -> Sequence[Check]:
    """Return the checks that the API made the first time that this token was presented in the run."""
    for exchange in recorded.exchanges:
        if token and exchange.request.token == token and exchange.checks:
            return exchange.checks
    return ()


def _state(name: str, checks: Sequence[Check]) -> tuple[State, str | None]:
    """Return the state of a claim by its check and the signature's, and the check that decided."""
    made = {check.name: check for check in checks}
    if name in made and made[name].reason:
        return "refused", name
    remembered = "remembered" in made  # the API made all of its checks when it saw this token before
    signed = "signature" in made and not made["signature"].reason
    if name in made and (remembered or signed):
        return "verified", name
    if remembered:
        return "verified", "remembered"
    return "decoded", None
