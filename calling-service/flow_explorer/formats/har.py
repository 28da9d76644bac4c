"""A run as an HTTP Archive (HAR 1.2), which the developer tools of browsers read.

Checks, a server's own calls and a failure have no place in HAR: their members begin with "_".
"""

from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from recording.exchange import Exchange, Message, timestamp

from flow_explorer.recorded_run import RecordedRun

NO_RESPONSE = Message("HTTP/1.1 0", (), "", 0, body_shortened=False, token=None)


def archive(recorded: RecordedRun) -> dict[str, Any]:
    """Return the archive of a run, its exchanges on one page."""
    run = recorded.run
    title = "Import"
    if run.case:
        title = run.case.title
    page = {"id": run.id, "startedDateTime": timestamp(run.started_at), "title": title, "pageTimings": {}}
    entries = [_entry(exchange, run.id) for exchange in recorded.exchanges]
    creator = {"name": "calling-service", "version": "0"}
    return {"log": {"version": "1.2", "creator": creator, "pages": [page], "entries": entries}}


def _entry(exchange: Exchange, page: str) -> dict[str, Any]:
    elapsed = exchange.elapsed * 1000
    return {
        "pageref": page,
        "startedDateTime": timestamp(exchange.started_at),
        "time": elapsed,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": elapsed, "receive": 0},
        "comment": "; ".join(step.label for step in exchange.steps),
        "_checks": [asdict(check) for check in exchange.checks],
        "_calls": [asdict(call) for call in exchange.calls],
        "_error": exchange.failure,
    }


def _request(exchange: Exchange) -> dict[str, Any]:
    message = exchange.request
    url = urlsplit(exchange.url)
    query = parse_qsl(url.query, keep_blank_values=True)
    request = {
        "method": exchange.method,
        "url": url._replace(query=quote(url.query, safe="%&=+")).geturl(),  # a mask is not part of any URL
        "queryString": [{"name": name, "value": value} for name, value in query],
        **_common(message),
    }
    if message.body:
        request["postData"] = {"mimeType": _media_type(message), "text": message.body}
    return request


def _response(exchange: Exchange) -> dict[str, Any]:
    message = exchange.response or NO_RESPONSE
    return {
        "status": exchange.status or 0,
        "statusText": " ".join(message.start_line.split(" ")[2:]),
        "content": {"size": message.body_size, "mimeType": _media_type(message), "text": message.body},
        "redirectURL": "",
        **_common(message),
    }


def _common(message: Message) -> dict[str, Any]:
    return {
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": name, "value": value} for name, value in message.headers],
        "headersSize": -1,  # not known
        "bodySize": message.body_size,
    }


def _media_type(message: Message) -> str:
    return message.header("Content-Type") or "application/octet-stream"
