"""The gallery's cases, read from cases.toml, where the language of their steps is told.

Not here: how a step is carried out (stage.py), and when a case is (cases.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from calling_service.runs.run import CaseReport, Outcome

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
    """Read what the authorization server tells everybody, at the path `read`."""

    read: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """Revoke the token that is held, as the client `revoke`."""

    revoke: str
    how: str = "with its secret"


Step = Ask | Call | Read | Revoke
VERBS: dict[str, type[Step]] = {"ask": Ask, "call": Call, "read": Read, "revoke": Revoke}


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what it changes and teaches, its steps, and what the last of them is answered."""

    id: str
    group: str
    title: str
    changes: str
    teaches: str
    rfc: str
    steps: tuple[Step, ...]
    status: int
    error: str | None = None
    check: str | None = None
    cleans_up: bool = False

    @property
    def expected(self) -> Outcome:
        """Return what the last step is to be answered."""
        return Outcome(self.status, self.error, self.check)

    def report(self, answered: Outcome | None = None) -> CaseReport:
        """Return the case as a run reports it."""
        return CaseReport(
            self.id,
            self.title,
            self.teaches,
            self.changes,
            self.rfc,
            expected=self.expected,
            answered=answered,
        )


class UnknownCaseError(Exception):
    """The gallery has no such case."""


@cache
def gallery() -> Mapping[str, Case]:
    """Return the cases by their ids, in the file's order."""
    with FILE.open("rb") as file:
        return {read["id"]: _case(read) for read in tomllib.load(file)["case"]}


def _case(read: dict[str, Any]) -> Case:
    return Case(**read | {"steps": tuple(map(_step, read["steps"]))})


def _step(read: dict[str, Any]) -> Step:
    (verb,) = read.keys() & VERBS.keys()
    return VERBS[verb](**read)
