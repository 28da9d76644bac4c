"""How tokens are found in any text. What is kept of a message, see test_capture.py."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording.redaction import CUT, short_tokens, without

NEARLY_TOKENS = st.lists(st.sampled_from(["eyJ", "eyJhIjoxfQ", "a", "-", "_", ".", " ", "é"])).map("".join)


@given(NEARLY_TOKENS)
def test_cuts_the_signature_of_all_that_may_be_a_jwt(text: str) -> None:
    expected = re.sub(r"(?a)(eyJ[\w-]+\.[\w-]*\.)[\w-]+", rf"\1{CUT}", text)
    assert without(text, ()) == expected


@given(NEARLY_TOKENS)
def test_shows_the_beginnings_of_all_that_may_be_parts_of_a_jwt(text: str) -> None:
    assert short_tokens(text) == re.sub(r"(?a)\b(eyJ[\w-]{6})[\w-]+(?=\.)", r"\1…", text)


@pytest.mark.parametrize("part", ["eyJ", "-eyJ", "eyJhbGciOi-", "a"])
def test_goes_through_long_text_that_is_nearly_a_token(part: str) -> None:
    """Else this would take an hour: at each eyJ a token could begin, and none does."""
    text = part * 1_000_000
    assert without(text, ()) == text
    assert short_tokens(text) == text
    assert without(f"{text} {text}eyJa.e.s", ()) == f"{text} {text}eyJa.e.{CUT}"
