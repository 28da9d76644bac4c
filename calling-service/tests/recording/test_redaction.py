"""How tokens are found in any text. Not here: what is kept of a message (test_capture.py)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording.redaction import CUT, mask_everywhere

NEARLY_TOKENS = st.lists(st.sampled_from(["eyJ", "eyJhIjoxfQ", "a", "-", "_", ".", " ", "é"])).map("".join)


@pytest.mark.fuzz
@given(NEARLY_TOKENS)
def test_cuts_the_signature_of_everything_that_may_be_a_jwt(text: str) -> None:
    expected = re.sub(r"(?a)(eyJ[\w-]+\.[\w-]*\.)[\w-]+", rf"\1{CUT}", text)
    assert mask_everywhere(text, ()) == expected


@pytest.mark.parametrize("part", ["eyJ", "-eyJ", "eyJhbGciOi-", "a"])
def test_reads_long_text_that_is_nearly_a_token_in_linear_time(part: str) -> None:
    """A quadratic search would take an hour: a token could begin at each eyJ, and none does."""
    text = part * 1_000_000
    assert mask_everywhere(text, ()) == text
    assert mask_everywhere(f"{text} {text}eyJa.e.s", ()) == f"{text} {text}eyJa.e.{CUT}"
