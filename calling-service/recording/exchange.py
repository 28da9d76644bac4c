"""One HTTP exchange as it may be shown: redacted when it is captured, its bodies bounded.

Not here: how one is made of what requests has (capture.py) and how it looks (terminal.py).
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

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
