"""One run: of the import, or of a case of the gallery.

Not here: its exchanges, which the history keeps (history.py).
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

from timesheet_exports.rejects import Reject

from calling_service.import_job.report import FileReport, ImportReport
from calling_service.logs import current_trace_id, trace_id_of
from calling_service.runs.case import CaseReport

Trigger = Literal["web", "cli", "schedule"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: a code, what happened, and what to do about it."""

    error: str
    message: str
    hint: str


CASE_INTERRUPTED = Failure(
    "interrupted", "the service did not play the case to its end", "start the case again"
)


@dataclass(slots=True)
class Run:
    """A run; only the thread that carries it out changes it."""

    id: str
    trigger: Trigger
    trace_id: str
    started_at: datetime
    resend: bool = False
    fresh_token: bool = False
    state: Literal["running", "stopped", "completed", "failed"] = "running"
    ended_at: datetime | None = None
    report: ImportReport = field(default_factory=ImportReport)
    error: Failure | None = None
    case: CaseReport | None = None  # None: a run of the import

    @classmethod
    def new(cls, trigger: Trigger, *, resend: bool = False, fresh_token: bool = False) -> Self:
        """Return a run that starts now, in the current trace or a new one."""
        trace_id = current_trace_id.get() or trace_id_of("")
        return cls(secrets.token_hex(8), trigger, trace_id, datetime.now(UTC), resend, fresh_token)

    def again(self) -> "Run":
        """Return the run for a new start: the same id and options, and an empty report."""
        return Run(self.id, self.trigger, self.trace_id, self.started_at, self.resend, self.fresh_token)

    def fail(self, why: Failure) -> None:
        """End the run, and with it the file that it was importing."""
        self.state = "failed"
        self.error = why
        self.report.interrupt("failed")

    def stop(self) -> None:
        """End the run where it is; a later process resumes it."""
        self.state = "stopped"
        self.report.interrupt("pending")

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the run that as_json() made this document of; other members are ignored."""
        same = ("id", "trigger", "trace_id", "resend", "fresh_token", "state")
        report = ImportReport(
            files=[FileReport(**file) for file in document["files"]],
            rejects=[Reject(**reject) for reject in document["rejects"]],
            known_omitted=document.get("known_omitted", 0),  # an earlier version listed all
        )
        return cls(
            **{name: document[name] for name in same},
            started_at=datetime.fromisoformat(document["started_at"]),
            ended_at=document["ended_at"] and datetime.fromisoformat(document["ended_at"]),
            report=report,
            error=document["error"] and Failure(**document["error"]),
            case=document["case"] and CaseReport.from_json(document["case"]),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the run as GET /runs lists it."""
        document = asdict(self)
        report = document.pop("report")
        counts = {name: getattr(self.report, name) for name in ("booked", "unchanged", "rejected", "rounded")}
        document["started_at"] = timestamp(self.started_at)
        document["ended_at"] = self.ended_at and timestamp(self.ended_at)
        document["case"] = self.case and self.case.as_json()
        return {**document, **counts, **report}


def timestamp(moment: datetime) -> str:
    """Return a UTC moment in RFC 3339, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
