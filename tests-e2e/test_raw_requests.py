"""Requests that no HTTP library sends: no answer is a 5xx, and nothing of the request gets into the log."""

import socket

import pytest
from live_stack import SERVICES, Stack

POSTS = {
    "auth-server": ("/oauth/token", "application/x-www-form-urlencoded"),
    "protected-api": ("/timesheets/upload", "application/json"),
    "calling-service": ("/runs", "application/json"),
}
CHUNKED = {"Transfer-Encoding": "chunked"}

EMPTY = {"Content-Length": "0"}
BAD: dict[str, tuple[dict[str, str], str]] = {
    "chunks without a size": (CHUNKED, "s3cret\r\n\r\n"),
    "a chunk longer than its size": (CHUNKED, "3\r\ns3cret\r\n0\r\n\r\n"),
    "a trailer without a colon": (CHUNKED, "3\r\na=b\r\n0\r\ns3cret\r\n\r\n"),
    "two lengths": ({"Content-Length": "6", "Content-length": "7"}, "s3cret"),
    "a length and chunks": (CHUNKED | {"Content-Length": "6"}, "s3cret"),
    "a length longer than the body": ({"Content-Length": "60"}, "s3cret"),
    "a header without a colon": ({"s3cret": ""}, ""),
    "a header that a proxy sets": (EMPTY | {"SCRIPT_NAME": "/s3cret"}, ""),
    "a large header": ({"X-Large": "s3cret" * 2000}, ""),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("case", BAD)
def test_refuses_what_is_not_http_and_logs_nothing_of_it(stack: Stack, service: str, case: str) -> None:
    headers, body = BAD[case]
    path, content_type = POSTS[service]
    token = stack.token("timesheets-import-job")
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    lines += [f"Content-Type: {content_type}"]
    lines += [f"{name}: {value}" if value else name for name, value in headers.items()]
    assert status_of(stack.ports[service], [*lines, "", body]) in range(400, 500)
    assert "s3cret" not in stack.logs(service)


@pytest.mark.parametrize("service", SERVICES)
def test_redirects_nobody_to_the_host_that_the_request_names(stack: Stack, service: str) -> None:
    path = POSTS[service][0].replace("/", "//")
    lines = [f"POST {path} HTTP/1.1", "Host: evil.example", "Content-Length: 0", "", ""]
    assert status_of(stack.ports[service], lines) in range(400, 500)


def status_of(port: int, lines: list[str]) -> int:
    """Send the lines and close; return the status of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split()[1])
