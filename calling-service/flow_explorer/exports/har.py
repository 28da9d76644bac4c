"""A run as an HTTP Archive (HAR 1.2), which browsers' developer tools read.

What HAR has no member for (checks, a server's own calls, a failure) stands in members that begin with "_".
"""

from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

Document = dict[str, Any]


def archive(run: Document) -> Document:
    """Return the archive of a run, its exchanges on one page."""
    title = run["case"]["title"] if run.get("case") else "Import"
    page = {"id": run["id"], "startedDateTime": run["started_at"], "title": title, "pageTimings": {}}
    entries = [_entry(exchange, run["id"]) for exchange in run["exchanges"]]
    creator = {"name": "calling-service", "version": "0"}
    return {"log": {"version": "1.2", "creator": creator, "pages": [page], "entries": entries}}


def _entry(exchange: Document, page: str) -> Document:
    time = exchange["elapsed"] * 1000
    return {
        "pageref": page,
        "startedDateTime": exchange["started_at"],
        "time": time,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": time, "receive": 0},
        "comment": "; ".join(step["label"] for step in exchange["steps"]),
        "_checks": exchange["checks"],
        "_calls": exchange["calls"],
        "_error": exchange["failure"],
    }


def _request(exchange: Document) -> Document:
    message = exchange["request"]
    url = urlsplit(exchange["url"])
    query = parse_qsl(url.query, keep_blank_values=True)
    posted = {"postData": {"mimeType": _kind(message), "text": message["body"]}} if message["body"] else {}
    return {
        "method": exchange["method"],
        "url": url._replace(query=quote(url.query, safe="%&=+")).geturl(),  # which a mask makes no URL
        "queryString": [{"name": name, "value": value} for name, value in query],
        **_common(message),
        **posted,
    }


def _response(exchange: Document) -> Document:
    message = exchange["response"] or {"start_line": "HTTP/1.1 0", "headers": [], "body": "", "body_size": 0}
    content = {"size": message["body_size"], "mimeType": _kind(message), "text": message["body"]}
    return {
        "status": exchange["status"] or 0,
        "statusText": " ".join(message["start_line"].split(" ")[2:]),
        "content": content,
        "redirectURL": "",
        **_common(message),
    }


def _common(message: Document) -> Document:
    headers = [{"name": name, "value": value} for name, value in message["headers"]]
    sizes = {"headersSize": -1, "bodySize": message["body_size"]}  # -1: not known
    return {"httpVersion": "HTTP/1.1", "cookies": [], "headers": headers, **sizes}


def _kind(message: Document) -> str:
    kinds = (value for name, value in message["headers"] if name.lower() == "content-type")
    return next(kinds, "application/octet-stream")
