"""Each threat has a control with tests that exist, or a reason why it is accepted."""

from standards.__main__ import THREAT_MODEL
from standards.threats import Threat, page, problems, read_threats


def test_no_threat_is_without_a_test_or_a_reason() -> None:
    assert list(problems(read_threats())) == []


def test_the_page_is_as_generated() -> None:
    assert THREAT_MODEL.read_text() == page(read_threats()), "run: make standards"


def test_names_what_does_not_fit() -> None:
    here = "tests-e2e/standards/test_threats.py::"
    good = Threat("API", "Forges a token.", "It is checked.", tests=(f"{here}test_the_page_is_as_generated",))
    bare = Threat("API", "Guesses.", "It is hard.")
    both = Threat("API", "Steals.", "It is kept.", "It is rare.", good.tests)
    gone = Threat("API", "Waits.", "It ends.", tests=(f"{here}test_gone", "gone.py::test_gone"))
    needs = "It needs a control and a test, or a reason why it is accepted."
    assert list(problems([good, bare, both, gone])) == [
        f"Guesses. {needs}",
        f"Steals. {needs}",
        f"Waits. There is no test {here}test_gone.",
        "Waits. There is no test gone.py::test_gone.",
    ]
