"""One HTTP exchange as it may be shown: redacted when it is captured, its bodies bounded.

Not here: how one is made of what requests has (capture.py) and how it looks (terminal.py).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from recording.server_timing import Check, ServerCall

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered line of the story, and the part of the exchange that shows it."""

    number: int
    label: str
    shows: tuple[str, ...]  # of "request", "response"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or response: its first line, headers, body up to a limit, and the token in it, decoded."""

    start_line: str
    headers: Headers
    body: str
    body_size: int  # bytes on the wire
    body_shortened: bool
    token: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Who asked whom for what, and what came back; no credential in any field."""

    steps: tuple[Step, ...]
    sender: str
    receiver: str
    url: str
    method: str
    request: Message
    status: int | None
    response: Message | None
    failure: str | None  # why there is no response
    failed_before: tuple[str, ...]  # what came of the attempts before this one: a status or an error
    started_at: datetime
    elapsed: float  # seconds
    checks: tuple[Check, ...]  # that the receiver made, as far as it tells
    calls: tuple[ServerCall, ...]  # of the receiver's own

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the exchange that this document was made of."""
        response = document["response"]
        return cls(
            steps=tuple(Step(s["number"], s["label"], tuple(s["shows"])) for s in document["steps"]),
            sender=document["from"],
            receiver=document["to"],
            url=document["url"],
            method=document["method"],
            request=_message(document["request"]),
            status=document["status"],
            response=_message(response) if response else None,
            failure=document["failure"],
            failed_before=tuple(document["failed_before"]),
            started_at=datetime.fromisoformat(document["started_at"]),
            elapsed=document["elapsed"],
            checks=tuple(Check(**check) for check in document.get("checks", ())),
            calls=tuple(ServerCall(**call) for call in document.get("calls", ())),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the exchange as the run's JSON shows it."""
        return {
            "steps": [{"number": s.number, "label": s.label, "shows": list(s.shows)} for s in self.steps],
            "from": self.sender,
            "to": self.receiver,
            "method": self.method,
            "url": self.url,
            "status": self.status,
            "request": _message_json(self.request),
            "response": self.response and _message_json(self.response),
            "failure": self.failure,
            "failed_before": list(self.failed_before),
            "started_at": self.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "elapsed": round(self.elapsed, 6),
            "checks": [asdict(check) for check in self.checks],
            "calls": [asdict(call) for call in self.calls],
        }


def _message_json(message: Message) -> dict[str, Any]:
    return {
        "start_line": message.start_line,
        "headers": [list(pair) for pair in message.headers],
        "body": message.body,
        "body_size": message.body_size,
        "body_shortened": message.body_shortened,
        "token": message.token,
    }


def _message(document: Mapping[str, Any]) -> Message:
    headers = tuple((name, value) for name, value in document["headers"])
    return Message(**{**document, "headers": headers})
