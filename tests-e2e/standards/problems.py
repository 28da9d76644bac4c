"""Find what does not fit between the data files, the markers and the modules."""

from collections.abc import Iterator

from standards.markers import CHECKOUT, Markers, texts
from standards.requirements import Document, Kinds, Requirement

RULES = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"}
ROLES = {"AS", "client", "RS"}


def problems(documents: list[Document], kinds: Kinds, markers: Markers) -> list[str]:
    """Return a sentence for each."""
    found: list[str] = []
    known: set[str] = set()
    for document in documents:
        for requirement in document.requirements:
            name = document.marked(requirement)
            if name in known:
                found.append(f"{name}: two requirements have this name.")
            known.add(name)
            found += [f"{name}: {problem}" for problem in _of_requirement(requirement, name, markers)]
    found += [f"{name}: a marker names no requirement." for name in sorted(markers.tests.keys() - known)]
    return found + list(_of_kinds(kinds, markers))


def _of_requirement(requirement: Requirement, name: str, markers: Markers) -> Iterator[str]:
    tests = markers.tests.get(name, [])
    if not tests:
        yield "no test is marked with it."
    if requirement.case and not any(requirement.case in texts(CHECKOUT / test.file) for test in tests):
        yield f"none of its tests has the case {requirement.case}."
    if not (CHECKOUT / requirement.module).is_file():
        yield f"there is no module {requirement.module}."
    if requirement.rule not in RULES or not set(requirement.roles.split(", ")) <= ROLES:
        yield "its rule or its roles are unknown."
    for sentence in (requirement.says, requirement.divergence or "."):
        if not sentence.endswith("."):
            yield "a sentence has no end."


def _of_kinds(kinds: Kinds, markers: Markers) -> Iterator[str]:
    answered = {(answer.place, answer.kind.partition(":")[0]) for answer in markers.answers}
    known = {(place, kind.id) for place in kinds.places for kind in kinds.kinds}
    excused = {(place, kind.id) for kind in kinds.kinds for place in kind.not_here}
    for place, kind in sorted(known - answered - excused):
        yield f"{kind} at {place}: no test answers it, and no reason is given."
    for place, kind in sorted((answered | excused) - known):
        yield f"{kind} at {place}: a test or a reason names an unknown kind or place."
    for place, kind in sorted(answered & excused):
        yield f"{kind} at {place}: it has both a test and a reason why it needs none."
