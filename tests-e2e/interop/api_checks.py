"""What an API checks: algorithms, `typ`, clocks, scopes, and what it answers."""

from typing import Any

from interop.api_trial import DAY, Trial, trial
from interop.issuer import ALGORITHMS, Key, odd_member
from interop.odd_tokens import Case, authorization, cases
from interop.rows import Row

LEEWAYS = (0, 5, 10, 30, 60, 300, 600)
ODD_MEMBERS = {
    "an Ed25519 key": odd_member("OKP", "Ed25519", "EdDSA"),
    "an X25519 key": odd_member("OKP", "X25519", "ECDH-ES"),
    "a secp256k1 key": odd_member("EC", "secp256k1", "ES256K"),
    "an unknown kty": {"kty": "unknown", "kid": "odd", "use": "sig", "alg": "unknown"},
}


def algorithms(row: Row) -> list[str]:
    """Return the algorithms that the recipe takes."""
    return [alg for alg in ALGORITHMS if _takes(row, alg)]


def _takes(row: Row, alg: str) -> bool:
    """Return whether the recipe takes tokens of an algorithm."""
    try:
        with trial(row, "recipe", alg) as at:
            return at.status(at.main) == 200
    except RuntimeError:  # it does not start with this algorithm
        return False


def answers(row: Row, checks: str) -> dict[str, Any]:
    """Return what an API does with the odd tokens, but for what is as it should be."""
    with trial(row, checks) as at:
        at.must_take_a_good_token()
        found: dict[str, list[str]] = {"takes": [], "refuses": [], "answers": [], "no_challenge": []}
        for case in cases(at.issuer, at.other.alg):
            status, challenge = at.api.call(authorization(case, at.issuer, at.main, at.other))
            if status != case.right:
                kind, said = _wrong(case, status)
                found[kind].append(said)
            if status == 401 and not challenge.lower().startswith("bearer"):
                found["no_challenge"].append(case.name)
        leeways = {f"{claim}_leeway": _leeway(at, claim) for claim in ("exp", "iat")}
        return {**found, **leeways, "down": _down(at)}


def _wrong(case: Case, status: int) -> tuple[str, str]:
    """Return in which way a status is not the right one, and what to call it."""
    if status == 200:
        return "takes", case.name
    if case.right == 200:
        return "refuses", case.name
    return "answers", f"{status} {case.name}"


def _leeway(at: Trial, claim: str) -> str:
    """Return by how many seconds `exp` may be past, or `iat` ahead."""
    passed = [seconds for seconds in LEEWAYS if at.status(at.main, **_off(at, claim, seconds)) == 200]
    if not passed:
        return "0 s"
    return "any" if passed[-1] == LEEWAYS[-1] else f"{LEEWAYS[len(passed)]} s"


def _off(at: Trial, claim: str, seconds: int) -> dict[str, int]:
    """Return a claim that is off by a little more than so many seconds."""
    now = at.issuer.claims()["iat"]
    if claim == "exp":
        return {"exp": now - seconds - 2, "iat": now - seconds - 60}
    return {"iat": now + seconds + 4}  # while the call is made, the token comes nearer


def _down(at: Trial) -> int:
    """Return what the API answers to an unknown kid, long after its last fetch, while the issuer is down."""
    at.wait(2 * DAY)
    at.issuer.down = True
    status = at.status(Key(at.main.alg))
    at.issuer.down = False
    at.wait(0)
    return status


def stopped_by(row: Row) -> list[str]:
    """Return the members of a key set that keep an API from reading the key behind them."""
    return [name for name, member in ODD_MEMBERS.items() if not _reads_behind(row, member)]


def _reads_behind(row: Row, member: dict[str, str]) -> bool:
    with trial(row, "defaults") as at:
        at.issuer.publish(at.main, beside=[member])
        return at.status(at.main) == 200
