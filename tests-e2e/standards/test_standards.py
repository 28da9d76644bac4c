"""Each requirement has a test, each marker a requirement, and the page is what follows from both."""

from dataclasses import replace
from pathlib import Path

from standards.__main__ import PAGE
from standards.markers import MarkedTest, Markers, collect
from standards.page import page
from standards.problems import problems
from standards.requirements import Document, Kind, Kinds, Requirement, read_documents, read_kinds

NOTHING = Kinds({}, ())


def test_every_requirement_has_a_test_and_every_marker_a_requirement() -> None:
    assert problems(read_documents(), read_kinds(), collect()) == []


def test_the_page_is_as_generated() -> None:
    assert PAGE.read_text() == page(read_documents(), read_kinds(), collect()), "run: make standards"


REQUIREMENT = Requirement("1 a", "MUST", "AS", "It is so.", "stack/size.py")
TEST = MarkedTest("tests-e2e/standards/test_standards.py", "test_a")


def found(*requirements: Requirement, **tests: list[MarkedTest]) -> list[str]:
    """Return the problems of a document with these requirements, and of markers that name them."""
    markers = Markers({name.replace("_", " "): marked for name, marked in tests.items()}, [])
    return problems([Document("RFC 1: One", "", requirements)], NOTHING, markers)


def test_names_what_does_not_fit() -> None:
    assert found(REQUIREMENT, RFC_1_1_a=[TEST]) == []
    assert found(REQUIREMENT) == ["RFC 1 1 a: no test is marked with it."]
    assert found(RFC_1_2=[TEST]) == ["RFC 1 2: a marker names no requirement."]
    assert found(REQUIREMENT, REQUIREMENT, RFC_1_1_a=[TEST]) == [
        "RFC 1 1 a: two requirements have this name."
    ]
    no_case = "no such " + "case"
    wrong = replace(REQUIREMENT, rule="CAN", says="It", module="gone.py", case=no_case)
    assert found(wrong, RFC_1_1_a=[TEST]) == [
        "RFC 1 1 a: none of its tests has the case no such case.",
        "RFC 1 1 a: there is no module gone.py.",
        "RFC 1 1 a: its rule or its roles are unknown.",
        "RFC 1 1 a: a sentence has no end.",
    ]


def test_names_each_kind_without_answer_at_a_place(tmp_path: Path) -> None:
    folder = tmp_path / "service/tests"
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text(
        "WHY = 'Refused.'\nTABLE = {'own-key: a': WHY}\n\n\n"
        "@pytest.mark.kinds_of_failures('here', TABLE)\n@pytest.mark.requirement('RFC 1 1')\n"
        "def test_it() -> None: ...\n"
    )
    markers = collect(tmp_path)
    assert markers.tests == {"RFC 1 1": [MarkedTest("service/tests/test_it.py", "test_it")]}
    places = {"here": "a token", "there": "a proof"}
    kinds = Kinds(places, (Kind("own-key", "A key.", {}), Kind("none", "None.", {"there": "Never."})))
    assert problems([], kinds, Markers({}, markers.answers)) == [
        "none at here: no test answers it, and no reason is given.",
        "own-key at there: no test answers it, and no reason is given.",
    ]
    [answer] = markers.answers
    assert (answer.kind, answer.text) == ("own-key: a", "Refused.")
