"""Read the threats and their controls, and write docs/threat-model.md.

The first part of the page, above the threats, is threat_model.md.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from interop.pages.markdown import table

from standards.markers import CHECKOUT, MarkedTest, functions_of
from standards.page import link

FILE = Path(__file__).parent / "threats.toml"
TITLE_AND_TEXT = Path(__file__).parent / "threat_model.md"


@dataclass(frozen=True, slots=True)
class Threat:
    """What somebody could do to a part; what stands against it and its tests, or why it is accepted."""

    part: str
    threat: str
    control: str = ""
    accepted: str = ""
    tests: tuple[str, ...] = ()  # file::name


def read_threats() -> list[Threat]:
    """Return the threats in their order."""
    data = tomllib.loads(FILE.read_text())["threat"]
    return [Threat(**{**each, "tests": tuple(each.get("tests", ()))}) for each in data]


def problems(threats: list[Threat]) -> Iterator[str]:
    """Yield a sentence for each threat without a test or a reason, and for each test that is not there."""
    for threat in threats:
        if bool(threat.accepted) == bool(threat.control and threat.tests):
            yield f"{threat.threat} It needs a control and a test, or a reason why it is accepted."
        for test in map(_test, threat.tests):
            if test.name not in functions_of(CHECKOUT / test.file):
                yield f"{threat.threat} There is no test {test.file}::{test.name}."


def page(threats: list[Threat]) -> str:
    """Return the page."""
    accepted = [threat for threat in threats if threat.accepted]
    tests = {test for threat in threats for test in threat.tests}
    counts = f"{len(threats)} threats, {len(tests)} tests, {len(accepted)} threats that are accepted.\n"
    sections = [_section(part, threats) for part in dict.fromkeys(threat.part for threat in threats)]
    return "".join([TITLE_AND_TEXT.read_text(), "\n", counts, *sections])


def _section(part: str, threats: list[Threat]) -> str:
    rows = [_cells(threat) for threat in threats if threat.part == part]
    return f"\n### {part}\n\n{table(['somebody …', 'what stands against it', 'tests'], rows)}"


def _cells(threat: Threat) -> list[str]:
    if threat.accepted:
        return [threat.threat, f"**Accepted:** {threat.accepted}", ""]
    return [threat.threat, threat.control, ", ".join(link(_test(test)) for test in threat.tests)]


def _test(text: str) -> MarkedTest:
    file, _, name = text.partition("::")
    return MarkedTest(file, name)
