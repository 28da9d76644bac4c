import re

import pytest
from flow_explorer.words import duration, short_tokens
from hypothesis import given
from hypothesis import strategies as st

NEARLY_TOKENS = st.lists(st.sampled_from(["eyJ", "eyJhIjoxfQ", "a", "-", "_", ".", " ", "é"])).map("".join)


@given(NEARLY_TOKENS)
def test_shortens_everything_that_may_be_a_part_of_a_jwt(text: str) -> None:
    assert short_tokens(text) == re.sub(r"(?a)\b(eyJ[\w-]{6})[\w-]+(?=\.)", r"\1…", text)


@pytest.mark.parametrize("part", ["eyJ", "-eyJ", "eyJhbGciOi-", "a"])
def test_reads_long_text_that_is_nearly_a_token_in_linear_time(part: str) -> None:
    """A quadratic search would take an hour: a part of a token could begin at each eyJ, and none does."""
    text = part * 1_000_000
    assert short_tokens(text) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3598.9, "59 minutes 58 seconds"),
        (1, "1 second"),
        (0, "0 seconds"),
        (-90061, "1 day 1 hour"),
        (3600, "1 hour"),
        (86405, "1 day 5 seconds"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
