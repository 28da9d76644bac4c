from datetime import UTC, datetime
from typing import Any

import pytest
from flow_explorer.claims import checks_of, claims, proof_claims
from recording.exchange import DecodedToken
from recording.server_timing import Check

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = DecodedToken({"alg": "RS256"}, {"aud": ["a", "b"], "exp": 1795521660, "https://own.example": "x"})


def check(name: str, reason: str | None = None) -> Check:
    return Check(name, 0.001, reason)


def states(*checks: Check) -> dict[str, tuple[str, str | None]]:
    return {claim.name: (claim.state, claim.check) for claim in claims(TOKEN, checks, NOW)}


def test_a_claim_has_its_value_its_meaning_and_its_time_in_words() -> None:
    alg, aud, exp, own = claims(TOKEN, (), NOW)
    assert (alg.part, alg.name, alg.value, alg.time) == ("header", "alg", "RS256", None)
    assert (aud.part, aud.value) == ("payload", '["a", "b"]')
    assert (exp.value, exp.time) == ("1795521660", "Tue 24 Nov 2026 12:01:00 UTC, expires in 1 minute")
    assert [claim.meaning and claim.meaning.source for claim in (alg, aud, exp, own)] == [
        "RFC 7515 4.1.1",
        "RFC 9068 2.2",
        "RFC 9068 2.2",
        None,
    ]


def test_nothing_is_verified_before_an_api_has_seen_the_token() -> None:
    assert set(states().values()) == {("decoded", None)}


def test_a_claim_is_verified_by_its_check_and_the_signature() -> None:
    passed = [check("alg-allowed"), check("signature"), check("audience")]
    assert states(*passed) == {
        "alg": ("verified", "alg-allowed"),
        "aud": ("verified", "audience"),
        "exp": ("decoded", None),
        "https://own.example": ("verified", "signature"),
    }


def test_a_failed_check_refuses_its_claim_and_nothing_is_verified_without_the_signature() -> None:
    assert states(check("alg-allowed"), check("signature", "wrong")) == {
        "alg": ("decoded", None),
        "aud": ("decoded", None),
        "exp": ("decoded", None),
        "https://own.example": ("refused", "signature"),
    }
    assert states(check("signature"), check("audience", "another"))["aud"] == ("refused", "audience")


def test_a_token_that_the_api_remembers_is_verified_and_its_times_are_checked_again() -> None:
    assert states(check("remembered"), check("times")) == {
        "alg": ("verified", "remembered"),
        "aud": ("verified", "remembered"),
        "exp": ("verified", "times"),
        "https://own.example": ("verified", "remembered"),
    }


@pytest.mark.parametrize(("checks", "found"), [((check("size"),), (check("size"),)), ((), ())])
def test_the_checks_of_a_token_are_those_of_the_call_that_presented_it(
    exchange: Any, recorded: Any, checks: tuple[Check, ...], found: tuple[Check, ...]
) -> None:
    another = exchange(request_token=DecodedToken({}, {}), checks=(check("typ"),))
    run = recorded(exchange(), another, exchange(request_token=TOKEN, checks=checks))
    assert checks_of(TOKEN, run) == found


PROOF = DecodedToken({"typ": "dpop+jwt"}, {"htm": "GET", "iat": 1795521660})


@pytest.mark.parametrize(
    ("checks", "state"),
    [
        ([], ("decoded", None)),
        ([check("presenting"), check("remembered")], ("decoded", None)),
        ([check("remembered"), check("proof")], ("verified", "proof")),
        ([check("remembered"), check("proof", "was used before")], ("refused", "proof")),
    ],
)
def test_one_check_covers_the_whole_proof(checks: list[Check], state: tuple[str, str | None]) -> None:
    found = proof_claims(PROOF, checks, NOW)
    assert {(claim.state, claim.check) for claim in found} == {state}
    assert [claim.meaning and claim.meaning.source for claim in found] == ["RFC 9449 4.2"] * 3
    assert found[2].time == "Tue 24 Nov 2026 12:01:00 UTC, 1 minute from now"
