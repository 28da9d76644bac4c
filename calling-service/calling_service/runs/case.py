"""A case of the gallery as a run reports it. Not here: the cases, and how they are played (flow_explorer)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


class UnknownCaseError(Exception):
    """The gallery has no case with this id."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a case's last request: status, error code, failed check; None where there is none."""

    status: int | None
    error: str | None
    check: str | None


@dataclass(frozen=True, slots=True)
class CaseReport:
    """A case of the gallery in a run; `answered` is None until the case has been played to its end."""

    id: str
    title: str
    teaches: str
    changes: str
    rfc: str
    expected: Outcome
    answered: Outcome | None = None

    @property
    def as_expected(self) -> bool | None:
        """Return whether the answer was the expected one; None while there is no answer."""
        if self.answered is None:
            return None
        return self.answered == self.expected

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the report that as_json() made this document of."""
        texts = {name: document[name] for name in ("id", "title", "teaches", "changes", "rfc")}
        answered = document["answered"] and Outcome(**document["answered"])
        return cls(**texts, expected=Outcome(**document["expected"]), answered=answered)

    def as_json(self) -> dict[str, Any]:
        """Return the report as a run's JSON has it."""
        return asdict(self) | {"as_expected": self.as_expected}
