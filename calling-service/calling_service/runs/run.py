"""One run as it is reported, of the import (counts per file, rejects) or of a case of the gallery.

Not here: its exchanges, which the history keeps beside it as they happen.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from calling_service.import_job.export_rows import Reject

REJECTS_SHOWN = 200  # of a run; the rejects files have all

Trigger = Literal["web", "cli", "schedule"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: a code, what happened, and what to do about it."""

    error: str
    message: str
    hint: str


@dataclass(slots=True)
class FileReport:
    """One export in a run; `state`: pending, waiting (still changing), known, importing, done or failed."""

    name: str
    state: str
    rows: int = 0
    booked: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case's last request is answered: status, error code, failed check; None where there is none."""

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
        """Return whether the case came as expected, None while that is not known."""
        if self.answered is None:
            return None
        return self.answered == self.expected

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the report that this document was made of."""
        told = {name: document[name] for name in ("id", "title", "teaches", "changes", "rfc")}
        answered = document["answered"] and Outcome(**document["answered"])
        return cls(**told, expected=Outcome(**document["expected"]), answered=answered)

    def as_json(self) -> dict[str, Any]:
        """Return the report as a run's JSON has it."""
        return asdict(self) | {"as_expected": self.as_expected}


@dataclass(slots=True)
class Run:
    """A run: made when it is asked for, changed by who carries it out alone."""

    id: str
    trigger: Trigger
    trace_id: str
    started_at: datetime
    resend: bool = False
    fresh_token: bool = False
    state: Literal["running", "stopped", "completed", "failed"] = "running"
    ended_at: datetime | None = None
    files: list[FileReport] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    error: Failure | None = None
    case: CaseReport | None = None  # of the gallery

    def reject(self, report: FileReport, row: Reject) -> None:
        """Count a row as rejected, and show it while there is room."""
        report.rejected += 1
        if len(self.rejects) < REJECTS_SHOWN:
            self.rejects.append(row)

    def give_up(self, report: FileReport, reason: str) -> None:
        """End a file that cannot be imported at all, and say why at its first line."""
        report.state = "failed"
        self.reject(report, Reject(report.name, 1, "", reason))

    def fail(self, why: Failure) -> None:
        """End the run, and with it the file that it was at."""
        self.state, self.error = "failed", why
        for report in self.files:
            report.state = "failed" if report.state == "importing" else report.state

    def stop(self) -> None:
        """End the run where it is, to be taken up again."""
        self.state = "stopped"
        for report in self.files:
            report.state = "pending" if report.state == "importing" else report.state

    @property
    def booked(self) -> int:
        """Return how many entries are new in the API."""
        return sum(report.booked for report in self.files)

    @property
    def unchanged(self) -> int:
        """Return how many entries the API had booked before."""
        return sum(report.unchanged for report in self.files)

    @property
    def rejected(self) -> int:
        """Return how many rows were not booked."""
        return sum(report.rejected for report in self.files)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the run that this document was made of, `GET /runs/<id>` without its exchanges."""
        same = ("id", "trigger", "trace_id", "resend", "fresh_token", "state")
        ended_at = document["ended_at"] and datetime.fromisoformat(document["ended_at"])
        return cls(
            **{name: document[name] for name in same},
            started_at=datetime.fromisoformat(document["started_at"]),
            ended_at=ended_at,
            files=[FileReport(**report) for report in document["files"]],
            rejects=[Reject(**reject) for reject in document["rejects"]],
            error=document["error"] and Failure(**document["error"]),
            case=document["case"] and CaseReport.from_json(document["case"]),
        )

    @classmethod
    def again(cls, document: dict[str, Any]) -> "Run":
        """Return the run of this document as it was when it was asked for."""
        asked = {name: document[name] for name in ("id", "trigger", "trace_id", "resend", "fresh_token")}
        return cls(**asked, started_at=datetime.fromisoformat(document["started_at"]))

    def as_json(self) -> dict[str, Any]:
        """Return the run as GET /runs/<id> shows it, but for its exchanges."""
        return {
            "id": self.id,
            "state": self.state,
            "trigger": self.trigger,
            "case": self.case and self.case.as_json(),
            "resend": self.resend,
            "fresh_token": self.fresh_token,
            "started_at": timestamp(self.started_at),
            "ended_at": self.ended_at and timestamp(self.ended_at),
            "trace_id": self.trace_id,
            "files": [asdict(report) for report in self.files],
            "booked": self.booked,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "rejects": [asdict(reject) for reject in self.rejects],
            "error": self.error and asdict(self.error),
        }


def timestamp(moment: datetime) -> str:
    """Return a UTC moment in RFC 3339, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
