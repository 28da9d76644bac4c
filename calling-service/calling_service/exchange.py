"""One HTTP exchange as it may be shown: redacted when it is captured, its bodies bounded.

Not here: when exchanges are captured (recorder.py) and how they look (terminal.py).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from . import redaction
from .server_timing import Check, ServerCall, parse

BODY_LIMIT = 4096  # characters of a body that are kept

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered line of the story, and the part of the exchange that shows it."""

    number: int
    label: str
    shows: tuple[str, ...]  # of "request", "response"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or response: its first line, headers, body up to BODY_LIMIT, and the token in it, decoded."""

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


def capture(
    *,
    steps: tuple[Step, ...],
    sender: str,
    receiver: str,
    request: requests.PreparedRequest,
    response: requests.Response | None,
    failure: str | None,
    failed_before: tuple[str, ...] = (),
    started_at: datetime,
    elapsed: float,
) -> Exchange:
    """Return the exchange without any of the credentials that it carried, wherever they appear in it."""
    host = [("Host", urlsplit(request.url or "").netloc)]  # which http.client adds on its way out
    sent, received = _Draft([*host, *request.headers.items()], _bytes(request.body)), None
    if response is not None:
        received = _Draft(_received_headers(response), response.content)
    url, in_query = _masked_query(request.url or "")
    found = [*in_query, *sent.found, *(received.found if received else ())]
    path = urlsplit(url)._replace(scheme="", netloc="").geturl()
    start = f"{request.method} {path or '/'} HTTP/1.1"
    checks, calls = _told(response, found)
    return Exchange(
        steps=steps,
        sender=sender,
        receiver=receiver,
        url=redaction.without(url, found),
        method=request.method or "",
        request=sent.message(start, found),
        status=response.status_code if response is not None else None,
        response=received.message(_status_line(response), found)
        if received and response is not None
        else None,
        failure=failure and redaction.without(failure, found),
        failed_before=failed_before,
        started_at=started_at,
        elapsed=elapsed,
        checks=checks,
        calls=calls,
    )


def _told(
    response: requests.Response | None, credentials: Iterable[str]
) -> tuple[tuple[Check, ...], tuple[ServerCall, ...]]:
    told = (
        redaction.without(response.headers.get("Server-Timing", ""), credentials)
        if response is not None
        else ""
    )
    return parse(told)


class _Draft:
    """A message whose known places are masked already, with the credentials that stood there."""

    def __init__(self, headers: Iterable[tuple[str, str | bytes]], body: bytes) -> None:
        pairs = [(name, _text(value)) for name, value in headers]
        self.found: list[str] = []
        self.size, self.token = len(body), None
        for name, value in pairs:
            if name.lower() == "authorization":
                self.found += redaction.credentials_in_header(value)
                self.token = redaction.jwt_parts(value.partition(" ")[2].strip())
        self.headers = [(name, redaction.header(name, value)) for name, value in pairs]
        kind = next((value for name, value in pairs if name.lower() == "content-type"), "")
        self.body = self._masked(body.decode("utf-8", "replace"), kind.partition(";")[0].strip().lower())

    def _masked(self, text: str, kind: str) -> str:
        if kind == "application/x-www-form-urlencoded":
            text, found = redaction.form(text)
        else:
            try:
                masked, found = redaction.document(json.loads(text))
                text = json.dumps(masked, ensure_ascii=False) if found else text
            except (ValueError, RecursionError):
                text, found = redaction.loose(text)
        tokens = (redaction.jwt_parts(value) for value in found)
        self.token = self.token or next((token for token in tokens if token), None)
        self.found += found
        return text

    def message(self, start_line: str, credentials: Iterable[str]) -> Message:
        body = redaction.without(self.body, credentials)
        return Message(
            redaction.without(start_line, credentials),
            tuple((name, redaction.without(value, credentials)) for name, value in self.headers),
            body[:BODY_LIMIT],
            self.size,
            len(body) > BODY_LIMIT,
            self.token,
        )


def _masked_query(url: str) -> tuple[str, list[str]]:
    parts = urlsplit(url)
    query, found = redaction.form(parts.query)
    return parts._replace(query=query).geturl(), found


def _received_headers(response: requests.Response) -> Iterable[tuple[str, str]]:
    raw = getattr(response.raw, "headers", None)  # keeps repeated headers apart, which requests joins
    return raw.items() if raw is not None else response.headers.items()


def _status_line(response: requests.Response) -> str:
    return f"HTTP/1.1 {response.status_code} {response.reason or ''}".rstrip()


def _bytes(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
