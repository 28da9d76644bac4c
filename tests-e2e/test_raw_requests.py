"""Requests that no HTTP library sends: no answer is a 5xx, and nothing of the request gets into the log.

With gunicorn, or whatever SERVER names, and with granian.
"""

import socket

import pytest
from live_stack import POSTS, SERVICES, Stack

CHUNKED = {"Transfer-Encoding": "chunked"}

EMPTY = {"Content-Length": "0"}
BREAKS_OFF = "a length longer than the body"
BAD: dict[str, tuple[dict[str, str], str]] = {
    "chunks without a size": (CHUNKED, "s3cret\r\n\r\n"),
    "a chunk longer than its size": (CHUNKED, "3\r\ns3cret\r\n0\r\n\r\n"),
    "a trailer without a colon": (CHUNKED, "3\r\na=b\r\n0\r\ns3cret\r\n\r\n"),
    "two lengths": ({"Content-Length": "6", "Content-length": "7"}, "s3cret"),
    "a length and chunks": (CHUNKED | {"Content-Length": "6"}, "s3cret\r\n\r\n"),
    BREAKS_OFF: ({"Content-Length": "60"}, "s3cret"),
    "a header without a colon": ({"s3cret": ""}, ""),
    "a header that a proxy sets": (EMPTY | {"SCRIPT_NAME": "/s3cret"}, ""),
    "a large header": ({"X-Large": "s3cret" * 2000}, ""),
}


@pytest.fixture(params=["stack", pytest.param("fast_stack", marks=pytest.mark.long)])
def served(request: pytest.FixtureRequest) -> Stack:
    """Return the shared stack, and then the one that granian serves."""
    stack: Stack = request.getfixturevalue(request.param)
    return stack


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("case", BAD)
def test_refuses_what_is_not_http_and_logs_nothing_of_it(served: Stack, service: str, case: str) -> None:
    headers, body = BAD[case]
    path, content_type = POSTS[service]
    token = served.token("timesheets-import-job")
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    lines += [f"Content-Type: {content_type}", "Connection: close"]
    lines += [f"{name}: {value}" if value else name for name, value in headers.items()]
    answered = status_of(served.ports[service], [*lines, "", body], break_off=case == BREAKS_OFF)
    assert answered in range(400, 500) or (case, answered) == (BREAKS_OFF, None)
    assert "s3cret" not in served.logs(service)


@pytest.mark.requirement("RFC 9700 4.11 redirects")
@pytest.mark.parametrize("service", SERVICES)
def test_redirects_nobody_to_the_host_that_the_request_names(served: Stack, service: str) -> None:
    path = POSTS[service][0].replace("/", "//")
    lines = [f"POST {path} HTTP/1.1", "Host: evil.example", "Content-Length: 0", "Connection: close", "", ""]
    assert status_of(served.ports[service], lines) in range(400, 500)


def status_of(port: int, lines: list[str], *, break_off: bool = False) -> int | None:
    """Send the lines, and close if asked to; return the status, or None if the server closes unanswered."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        if break_off:
            connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split()[1]) if answer else None
