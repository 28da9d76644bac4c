"""One HTTP exchange as typed values, with bounded bodies and without any credential.

Not here: how an exchange is made from the objects of requests (capture.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Self

from recording.server_timing import Check, ServerCall

JSON_NAMES = {"sender": "from", "receiver": "to"}  # of the fields whose JSON member has another name
FIELD_NAMES = {member: field for field, member in JSON_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """A numbered step of the flow, and which messages of the exchange show it."""

    number: int
    label: str
    shows: tuple[str, ...]  # "request", "response"; empty for what the receiver does in between


@dataclass(frozen=True, slots=True)
class DecodedToken:
    """The header parameters and the claims of a JWT, neither verified; its signature is not kept."""

    header: Mapping[str, Any]
    payload: Mapping[str, Any]

    def members(self) -> Iterator[tuple[str, str, Any]]:
        """Yield the part ("header" or "payload"), name and value of each header parameter and claim."""
        yield from (("header", name, value) for name, value in self.header.items())
        yield from (("payload", name, value) for name, value in self.payload.items())


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response: its first line, headers, the start of its body, its token and DPoP proof."""

    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: str
    body_size: int  # bytes on the wire
    body_shortened: bool
    token: DecodedToken | None
    proof: DecodedToken | None = None

    def header(self, wanted: str) -> str:
        """Return the first value of a header, "" if there is none."""
        return next((value for name, value in self.headers if name.lower() == wanted.lower()), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request from the sender to the receiver, and what came back."""

    steps: tuple[Step, ...]
    sender: str
    receiver: str
    method: str
    url: str
    status: int | None
    request: Message
    response: Message | None
    failure: str | None  # why there is no response
    failed_before: tuple[str, ...] = ()  # the status or the error of each attempt before this one
    started_at: datetime
    elapsed: float  # seconds
    checks: tuple[Check, ...] = ()  # that the receiver reports
    calls: tuple[ServerCall, ...] = ()  # that the receiver made and reports

    @property
    def failed_check(self) -> Check | None:
        """Return the check that refused the request, if the receiver reports one."""
        return next((check for check in self.checks if check.reason), None)

    @property
    def answer(self) -> str:
        """Return the first line of the response, or why there is no response."""
        if self.response is None:
            return f"no answer: {self.failure}"
        return self.response.start_line

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the exchange of a document that `as_json` made."""
        values = {FIELD_NAMES.get(member, member): value for member, value in document.items()}
        steps = [step | {"shows": tuple(step["shows"])} for step in values["steps"]]
        values["steps"] = tuple(Step(**step) for step in steps)
        values["request"] = _message(values["request"])
        values["response"] = values["response"] and _message(values["response"])
        values["failed_before"] = tuple(values["failed_before"])
        values["started_at"] = datetime.fromisoformat(values["started_at"])
        values["checks"] = tuple(Check(**check) for check in values["checks"])
        values["calls"] = tuple(ServerCall(**call) for call in values["calls"])
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """Return the exchange as the run's JSON shows it."""
        document: dict[str, Any] = _as_json(self)
        return document


def _message(document: Mapping[str, Any]) -> Message:
    headers = tuple((name, value) for name, value in document["headers"])
    token = document["token"] and DecodedToken(**document["token"])
    proof = document.get("proof")  # which an earlier release did not store
    proof = proof and DecodedToken(**proof)
    return Message(**{**document, "headers": headers, "token": token, "proof": proof})


def _as_json(value: object) -> Any:
    """Return a value as JSON has it; unlike dataclasses.asdict, do not walk through a claim's own nesting."""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    if not is_dataclass(value):
        return value
    return {
        JSON_NAMES.get(each.name, each.name): _as_json(getattr(value, each.name)) for each in fields(value)
    }


def timestamp(moment: datetime) -> str:
    """Return a moment in UTC as RFC 3339 writes it, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
