"""A run is an HTTP Archive as HAR 1.2 specifies it."""

from typing import Any

from calling_service.runs.case import CaseReport, Outcome
from flow_explorer.formats.har import archive
from recording.server_timing import Check

# What each object must have (HAR 1.2); members of our own begin with an underscore.
REQUIRED = {
    "log": {"version", "creator", "entries"},
    "creator": {"name", "version"},
    "pages": {"startedDateTime", "id", "title", "pageTimings"},
    "entries": {"startedDateTime", "time", "request", "response", "cache", "timings"},
    "request": {
        *("method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"),
    },
    "response": {
        *("status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"),
        *("headersSize", "bodySize"),
    },
    "headers": {"name", "value"},
    "queryString": {"name", "value"},
    "postData": {"mimeType", "text"},
    "content": {"size", "mimeType"},
    "timings": {"send", "wait", "receive"},
}
OPTIONAL = {"pages", "pageref", "comment", "postData", "text"}


def lacking(name: str, value: Any) -> list[str]:
    """Return the members that an object, or one within it, lacks or must not have."""
    if isinstance(value, list):
        return [fault for item in value for fault in lacking(name, item)]
    if not isinstance(value, dict) or name.startswith("_"):
        return []
    required, has = REQUIRED.get(name, set()), {key for key in value if not key.startswith("_")}
    faults = [f"{name}: {key}" for key in (required - has) | (has - required - OPTIONAL)]
    return faults + [fault for key, member in value.items() for fault in lacking(key, member)]


JSON = (("Content-Type", "application/json"),)
CASE = CaseReport("a", "A case", "", "", "", Outcome(401, None, None))


def test_has_every_member_that_the_specification_requires(exchange: Any, recorded: Any) -> None:
    run = recorded(exchange(), exchange(status=None), exchange(request_body="a=b"))
    assert lacking("log", archive(run)["log"]) == []


def test_an_exchange_is_an_entry(exchange: Any, recorded: Any) -> None:
    sent = exchange(
        url="http://localhost:9001/upload?limit=1&q=",
        request_headers=JSON,
        request_body="{}",
        request_body_size=2,
        response_start_line="HTTP/1.1 200 ALL FINE",
        checks=(Check("typ", 0.001, "no"),),
    )
    log = archive(recorded(sent, case=CASE))["log"]
    assert log["pages"][0]["title"] == "A case"
    assert log["entries"] == [
        {
            "pageref": "r",
            "startedDateTime": "2026-11-24T12:00:00.000Z",
            "time": 10,
            "request": {
                "method": "POST",
                "url": "http://localhost:9001/upload?limit=1&q=",
                "queryString": [{"name": "limit", "value": "1"}, {"name": "q", "value": ""}],
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": [{"name": "Content-Type", "value": "application/json"}],
                "headersSize": -1,
                "bodySize": 2,
                "postData": {"mimeType": "application/json", "text": "{}"},
            },
            "response": {
                "status": 200,
                "statusText": "ALL FINE",
                "content": {"size": 0, "mimeType": "application/octet-stream", "text": ""},
                "redirectURL": "",
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": [],
                "headersSize": -1,
                "bodySize": 0,
            },
            "cache": {},
            "timings": {"send": 0, "wait": 10, "receive": 0},
            "comment": "The job calls",
            "_checks": [{"name": "typ", "duration": 0.001, "reason": "no"}],
            "_calls": [],
            "_error": None,
        }
    ]


def test_a_redacted_url_is_still_a_url(exchange: Any, recorded: Any) -> None:
    sent = exchange(url="http://[::1]:9001/?access_token=eyJ.eyJ.[signature cut]")
    request = archive(recorded(sent))["log"]["entries"][0]["request"]
    assert request["url"] == "http://[::1]:9001/?access_token=eyJ.eyJ.%5Bsignature%20cut%5D"
    assert request["queryString"] == [{"name": "access_token", "value": "eyJ.eyJ.[signature cut]"}]


def test_a_request_without_an_answer_has_status_0(exchange: Any, recorded: Any) -> None:
    entry = archive(recorded(exchange(status=None)))["log"]["entries"][0]
    assert (entry["response"]["status"], entry["response"]["statusText"], entry["_error"]) == (
        0,
        "",
        "Timeout",
    )
