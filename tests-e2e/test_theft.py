"""docs/theft.md says what really happens: the thefts are done again, and each cell is compared."""

import os
from collections.abc import Callable

import pytest
from live_stack import CHECKOUT, Stack
from theft.experiment import Experiment
from theft.page import cell
from theft.thief import API, TOKEN, Attempt

PAGE = (CHECKOUT / "docs/theft.md").read_text()
TOKEN_ISSUED: Attempt = (TOKEN, "its credential, in a new request", 200, "")
SERVED: Attempt = (API, "the new token", 200, "")
REFUSED: Attempt = (API, "the new token", 401, "invalid_token")


@pytest.mark.long
@pytest.mark.skipif(os.environ.get("RUNTIME") == "docker", reason="it runs local processes, for `make test`")
def test_each_cell_of_the_theft_table_says_what_happens(new_stack: Callable[[], Stack]) -> None:
    assert Experiment(new_stack()).page(PAGE) == PAGE


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        (
            [[SERVED], [SERVED], [REFUSED], [REFUSED]],
            "**the API** until `exp` (200, then 401 `invalid_token`)",
        ),
        ([[SERVED]] + [[REFUSED]] * 3, "**the API** once (200, then 401 `invalid_token`)"),
        ([[REFUSED, REFUSED]] + [[REFUSED]] * 3, "**nothing** (401 `invalid_token`)"),
        ([[TOKEN_ISSUED, REFUSED]] + [[REFUSED]] * 3, "**nothing** (200, 401 `invalid_token`)"),
    ],
)
def test_a_cell_follows_from_what_was_answered(rounds: list[list[Attempt]], expected: str) -> None:
    assert cell(rounds, "secret") == expected


def test_a_course_of_events_that_the_page_has_no_words_for_fails() -> None:
    with pytest.raises(ValueError, match="served at these moments"):
        cell([[SERVED], [REFUSED], [SERVED], [REFUSED]], "secret")
