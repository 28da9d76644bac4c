"""An exchange made from the objects of requests: redacted before anything keeps it, its bodies bounded.

Not here: when an exchange is captured (recorder.py), and what a credential is (redaction.py).
"""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import requests

from recording import redaction
from recording.exchange import Exchange, Message
from recording.server_timing import parse

FORM = "application/x-www-form-urlencoded"
BODY_LIMIT = 4096  # characters of a body that are kept


def capture(
    *,
    request: requests.PreparedRequest,
    response: requests.Response | None,
    failure: str | None,
    elapsed: float,
    **facts: Any,
) -> Exchange:
    """Return the exchange without the credentials that it carried, wherever they appear in it.

    `facts` are the fields of the exchange that come from neither the request nor the response.
    """
    parts = urlsplit(request.url or "")
    query, credentials = redaction.mask_form(parts.query)
    url = parts._replace(query=query).geturl()
    sent = _draft_of_request(request, url)
    credentials += sent.credentials
    status = None
    received = None
    answer = None
    server_timing = ""
    if response is not None:
        status = response.status_code
        received = _draft_of_response(response)
        credentials += received.credentials
        server_timing = response.headers.get("Server-Timing", "")
    forms = redaction.forms_of(credentials)
    if received:
        answer = received.message(forms)
    checks, calls = parse(redaction.mask_everywhere(server_timing, forms))
    return Exchange(
        url=redaction.mask_everywhere(url, forms),
        method=request.method or "",
        request=sent.message(forms),
        status=status,
        response=answer,
        failure=failure and redaction.mask_everywhere(failure, forms),
        elapsed=round(elapsed, 6),
        checks=checks,
        calls=calls,
        **facts,
    )


class _Draft:
    """A message with its known places masked, and the credentials that were found there."""

    def __init__(self, start_line: str, headers: Iterable[tuple[str, str | bytes]], body: bytes) -> None:
        self.start_line = start_line
        self.headers: list[tuple[str, str]] = []
        self.body_size = len(body)
        self.credentials: list[str] = []
        self.token = None
        self.proof = None
        media_type = ""
        for name, raw_value in headers:
            value = _text(raw_value)
            masked, credentials = redaction.mask_header(name, value)
            self.headers.append((name, masked))
            self.credentials += credentials
            if name.lower() == "authorization":
                self.token = redaction.decoded(value.partition(" ")[2].strip())
            if name.lower() == "dpop":
                self.proof = redaction.decoded(value)
            if name.lower() == "content-type" and not media_type:
                media_type = value.partition(";")[0].strip().lower()
        self.body, found = _masked_body(body.decode("utf-8", "replace"), media_type)
        self.credentials += found
        for value in found:
            self.token = self.token or redaction.decoded(value)

    def message(self, forms: Iterable[str]) -> Message:
        """Return the message without these forms of the credentials that any part of the exchange had."""
        body = redaction.mask_everywhere(self.body, forms)
        return Message(
            start_line=redaction.mask_everywhere(self.start_line, forms),
            headers=tuple((name, redaction.mask_everywhere(value, forms)) for name, value in self.headers),
            body=body[:BODY_LIMIT],
            body_size=self.body_size,
            body_shortened=len(body) > BODY_LIMIT,
            token=self.token,
            proof=self.proof,
        )


def _draft_of_request(request: requests.PreparedRequest, url: str) -> _Draft:
    parts = urlsplit(url)
    path = parts._replace(scheme="", netloc="").geturl() or "/"
    host = ("Host", parts.netloc)  # http.client adds it to what it sends
    return _Draft(
        f"{request.method} {path} HTTP/1.1", [host, *request.headers.items()], _octets(request.body)
    )


def _draft_of_response(response: requests.Response) -> _Draft:
    start_line = f"HTTP/1.1 {response.status_code} {response.reason or ''}".rstrip()
    headers = getattr(response.raw, "headers", None)  # keeps repeated headers apart, which requests joins
    if headers is None:
        headers = response.headers
    return _Draft(start_line, headers.items(), response.content)


def _masked_body(text: str, media_type: str) -> tuple[str, list[str]]:
    if media_type == FORM:
        return redaction.mask_form(text)
    if not redaction.may_hold_a_secret(text):
        return text, []
    try:
        masked, credentials = redaction.mask_json(json.loads(text))
        if credentials:
            text = json.dumps(masked, ensure_ascii=False)
    except (ValueError, RecursionError):
        return redaction.mask_text(text)
    return text, credentials


def _octets(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    return b""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
