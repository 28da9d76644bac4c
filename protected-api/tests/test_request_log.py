"""Each request is one line in the log, in its trace."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.requirement(
    "W3C Trace Context 3.2.2 version",
    "W3C Trace Context 3.2.2.3 trace-id",
    "W3C Trace Context 3.2.2.4 parent-id",
    "W3C Trace Context 3.2.4 later versions",
)
@pytest.mark.parametrize(
    ("traceparent", "kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", True),
        *[
            (value, False)
            for value in ("", "x", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01")
        ],
        *[
            (value, False)
            for value in (f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE.upper()}-00f067aa0ba902b7-01")
        ],
    ],
)
def test_logs_one_line_per_request_in_its_trace(
    client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]], traceparent: str, kept: bool
) -> None:
    client.get("/timesheets?access_token=secret", headers={"traceparent": traceparent})
    _, line = log_lines()
    assert line.keys() == {
        *("time", "level", "service", "logger", "message", "trace_id"),
        *("method", "path", "status", "duration_ms"),
    }
    assert (line["trace_id"] == TRACE) is kept
    assert len(line["trace_id"]) == 32
    assert (line["level"], line["service"], line["message"]) == ("info", "protected-api", "request")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/timesheets", 401)
    assert line["time"].endswith("Z")


def test_logs_the_beginning_of_a_long_method_and_a_long_path(
    client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client.open("/" + "\x01" * 3000, method="A" * 5000)
    (line,) = log_lines()
    assert (line["method"], line["path"]) == ("A" * 20, "/" + "\x01" * 499)


def test_logs_probes_at_debug(client: FlaskClient, log_lines: Callable[[], list[dict[str, Any]]]) -> None:
    client.get("/healthz")
    client.get("/readyz")
    assert log_lines() == []
