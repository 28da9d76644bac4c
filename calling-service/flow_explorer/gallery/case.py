"""The gallery's cases, read from cases.toml, which describes the language of their steps.

Not here: how a step is carried out (step_runner.py), and when a case is played (player.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from calling_service.runs.case import CaseReport, Outcome

FILE = Path(__file__).with_name("cases.toml")


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for an access token as the client `ask`."""

    ask: str
    how: str = "with its secret"
    parameters: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """Call the API; `call` is the method and the path."""

    call: str
    how: str = "with the token"
    body: Mapping[str, Any] | None = None
    until: int | None = None
    client: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """Read what the authorization server publishes at the path `read`."""

    read: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """Revoke the token that is held, as the client `revoke`."""

    revoke: str
    how: str = "with its secret"


CaseStep = Ask | Call | Read | Revoke
VERBS: dict[str, type[CaseStep]] = {"ask": Ask, "call": Call, "read": Read, "revoke": Revoke}


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what it changes and teaches, its steps, and the expected answer to the last of them."""

    id: str
    group: str
    title: str
    changes: str
    teaches: str
    rfc: str
    expected: Outcome
    steps: tuple[CaseStep, ...]
    cleans_up: bool = False
    overlay: str = ""  # that the stack needs for this case

    def report(self, answered: Outcome | None = None) -> CaseReport:
        """Return the case as a run reports it."""
        return CaseReport(self.id, self.title, self.teaches, self.changes, self.rfc, self.expected, answered)


@cache
def gallery() -> Mapping[str, Case]:
    """Return the cases by their ids, in the file's order."""
    cases: dict[str, Case] = {}
    group = ""
    for case_id, table in tomllib.loads(FILE.read_text(encoding="utf-8"))["case"].items():
        group = table.get("group", group)
        expected = Outcome(**{"error": None, "check": None} | table["expected"])
        steps = tuple(_step(step) for step in table["steps"])
        cases[case_id] = Case(case_id, **table | {"group": group, "expected": expected, "steps": steps})
    return cases


def _step(table: Mapping[str, Any]) -> CaseStep:
    (verb,) = table.keys() & VERBS.keys()
    return VERBS[verb](**table)
