"""Write docs/standards.md from the data files and the markers."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from interop.pages.markdown import anchor, paragraph, table

from standards.markers import CHECKOUT, Answer, MarkedTest, Markers, texts
from standards.requirements import Document, Kinds, Requirement

INTRODUCTION = """\
# The standards, and the tests that show them

What the standards demand of an authorization server (AS), a client and an API (RS, the resource server) of this kind, in our own
words: the section, the module that does it, and the tests that show it, with the case of a test that has many. `make standards`
writes this page from the files in [`tests-e2e/standards/documents/`](../tests-e2e/standards/documents) and from markers in the
tests. A requirement without a test, or a marker that names no requirement, fails the tests. The table of [kinds of
failures](#kinds-of-failures) is at the end.

"""
TEXT_OF_KINDS = """
The kinds of mistakes that JWT libraries and OAuth servers have had, each as a harmless input of our own, and our answer at each
place where a signed token is read. Where there are several answers, there are several variants of the input. A client that cannot
be authenticated learns nothing but 401 `invalid_client`, and whoever asks about a bad token nothing but `active` false: for these
the table has the reason that the log has.

"""
KINDS_TITLE = "Kinds of failures"


def page(documents: list[Document], kinds: Kinds, markers: Markers) -> str:
    """Return the page."""
    rows = [_row(document, markers) for document in documents]
    rows.append(_total(documents, markers))
    parts = [INTRODUCTION, table(["standard", "requirements", "tests", "divergences"], rows)]
    parts += [_section(document, markers) for document in documents]
    parts += [f"\n## {KINDS_TITLE}\n", TEXT_OF_KINDS, _table_of_kinds(kinds, markers.answers)]
    return "".join(parts)


def _row(document: Document, markers: Markers) -> list[str]:
    name = f"[{document.title}](#{anchor(document.title)})"
    return [name, *_counts([document], markers)]


def _total(documents: list[Document], markers: Markers) -> list[str]:
    return ["together", *_counts(documents, markers)]


def _counts(documents: Iterable[Document], markers: Markers) -> list[str]:
    """Return the numbers of requirements, of different tests and of divergences."""
    pairs = [(document, each) for document in documents for each in document.requirements]
    tests = {test for document, each in pairs for test in markers.tests[document.marked(each)]}
    differing = [each for _, each in pairs if each.divergence]
    return [str(len(pairs)), str(len(tests)), str(len(differing))]


def _section(document: Document, markers: Markers) -> str:
    note = f"\n{paragraph(document.note)}" if document.note else ""
    head = ["section", "rule", "for", "what it says", "module", "tests"]
    rows = [_cells(each, markers.tests[document.marked(each)]) for each in document.requirements]
    return f"\n## {document.title}\n{note}\n{table(head, rows)}"


def _cells(requirement: Requirement, tests: list[MarkedTest]) -> list[str]:
    section = requirement.id.partition(" ")[0].removesuffix(":")
    module = PurePosixPath(requirement.module)
    says = requirement.says
    if requirement.divergence:
        says = f"{says} **Differs:** {requirement.divergence}"
    return [
        section,
        requirement.rule,
        requirement.roles,
        says,
        f"[`{module.name}`](../{module})",
        _named(tests, requirement.case),
    ]


def _named(tests: list[MarkedTest], case: str) -> str:
    return ", ".join(link(test) + _of_case(test, case) for test in sorted(tests))


def link(test: MarkedTest) -> str:
    """Return a link to a test, named by its sentence."""
    sentence = test.name.removeprefix("test_").replace("_", " ")
    return f"[{sentence}](../{test.file})"


def _of_case(test: MarkedTest, case: str) -> str:
    is_in_file = case != "" and case in texts(CHECKOUT / test.file)
    return f" (*{_escaped(case)}*)" if is_in_file else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("{}", "…")


def _table_of_kinds(kinds: Kinds, answers: list[Answer]) -> str:
    return table(["kind", "in", "our answer", "test"], _rows_of_kinds(kinds, answers))


def _rows_of_kinds(kinds: Kinds, answers: list[Answer]) -> Iterator[list[str]]:
    for kind in kinds.kinds:
        first = kind.says
        for place, name in kinds.places.items():
            given = [
                each for each in answers if each.place == place and each.kind.partition(":")[0] == kind.id
            ]
            answered = " · ".join(dict.fromkeys(_escaped(each.text) for each in given))
            tests = list(dict.fromkeys(each.test for each in given))
            yield [first, name, answered or f"Cannot happen: {kind.not_here[place]}", _named(tests, "")]
            first = ""
