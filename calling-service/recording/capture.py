"""Make an exchange of what requests has: redacted before anything keeps it, its bodies bounded.

Not here: when that is done (recorder.py), what a credential is and where it stands (redaction.py).
"""

import json
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit

import requests

from recording import redaction
from recording.exchange import Exchange, Message, Step
from recording.server_timing import Check, ServerCall, parse

BODY_LIMIT = 4096  # characters of a body that are kept


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
    url, in_query = _masked_query(request.url or "")
    sent, received = _sent(request, url), None if response is None else _received(response)
    found = [*in_query, *sent.found, *(received.found if received else ())]
    checks, calls = _told(response, found)
    return Exchange(
        steps=steps,
        sender=sender,
        receiver=receiver,
        url=redaction.without(url, found),
        method=request.method or "",
        request=sent.message(found),
        status=None if response is None else response.status_code,
        response=received.message(found) if received else None,
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
    told = "" if response is None else response.headers.get("Server-Timing", "")
    return parse(redaction.without(told, credentials))


def _sent(request: requests.PreparedRequest, url: str) -> "_Draft":
    path = urlsplit(url)._replace(scheme="", netloc="").geturl()
    host = ("Host", urlsplit(url).netloc)  # which http.client adds on its way out
    return _Draft(
        f"{request.method} {path or '/'} HTTP/1.1", [host, *request.headers.items()], _bytes(request.body)
    )


def _received(response: requests.Response) -> "_Draft":
    start_line = f"HTTP/1.1 {response.status_code} {response.reason or ''}".rstrip()
    return _Draft(start_line, _received_headers(response), response.content)


class _Draft:
    """A message whose known places are masked already, with the credentials that stood there."""

    def __init__(self, start_line: str, headers: Iterable[tuple[str, str | bytes]], body: bytes) -> None:
        self.start_line = start_line
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

    def message(self, credentials: Iterable[str]) -> Message:
        body = redaction.without(self.body, credentials)
        return Message(
            redaction.without(self.start_line, credentials),
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


def _bytes(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
