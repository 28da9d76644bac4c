import pytest
from flow_explorer.comparison import essence
from hypothesis import given
from hypothesis import strategies as st

SENT = 1_800_000_000.0
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.[signature cut]"


@pytest.mark.parametrize("name", ["Date", "traceparent", "SERVER-TIMING", "Content-Length"])
def test_headers_that_differ_each_time_say_nothing(name: str) -> None:
    assert essence.of_header(name, "a") == essence.of_header(name, "b") == ""


def test_other_headers_say_what_they_have() -> None:
    assert essence.of_header("Retry-After", "1") != essence.of_header("Retry-After", "2")


def test_a_token_in_a_text_is_not_compared_there_but_the_text_around_it_is() -> None:
    assert essence.of_text(f"Bearer {JWT}") == essence.of_text(f"Bearer {JWT.replace('JhbG', 'Jhbb')}")
    assert essence.of_text(f"Bearer {JWT}") != essence.of_text(f"DPoP {JWT}")
    assert essence.of_text("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.") == "JWT"


@pytest.mark.parametrize(
    ("name", "one", "other", "alike"),
    [
        ("jti", "a", "b", True),
        ("iat", SENT - 5, SENT - 3000, True),
        ("iat", SENT - 5, SENT + 3600, False),
        ("iat", SENT - 5, str(SENT - 5), False),
        ("nbf", SENT - 5, SENT + 60, False),
        ("sub", "a", "b", False),
        ("exp", SENT + 1, True, False),
        ("level", 1, 2, False),
    ],
)
def test_a_claim_says_more_than_its_number(name: str, one: object, other: object, *, alike: bool) -> None:
    there = [essence.of_claim(name, value, {}, SENT) for value in (one, other)]
    assert (there[0] == there[1]) is alike


def test_an_expiry_says_how_long_a_token_lives_and_whether_that_was_over() -> None:
    issued = {"iat": SENT - 10}
    assert essence.of_claim("exp", SENT + 10, issued, SENT) == "20 seconds after iat"
    assert essence.of_claim("exp", SENT - 9, issued, SENT) == "1 seconds after iat, expired when sent"
    assert essence.of_claim("exp", SENT - 9, {"iat": "now"}, SENT) == "no iat, expired when sent"
    assert essence.in_words("tomorrow", issued, SENT) == ""


def test_a_proof_that_is_old_differs_from_a_new_one() -> None:
    old, new = (essence.of_claim("iat", SENT - age, {}, SENT, proof=True) for age in (3600, 1))
    assert old != new


@given(value=st.integers() | st.floats() | st.just(10**400) | st.text() | st.none() | st.lists(st.integers()))
def test_any_value_of_a_time_has_an_essence(value: object) -> None:
    for name in ("exp", "iat", "nbf"):
        claims = {"iat": value, "exp": value}
        assert essence.of_claim(name, value, claims, SENT) == essence.of_claim(name, value, claims, SENT)
        assert isinstance(essence.in_words(value, claims, SENT), str)
