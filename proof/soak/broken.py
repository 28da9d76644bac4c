"""Requests that come slowly, break off, stay half open, or wait on an idle connection, byte by byte."""

import http.client
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from proof.soak.target import TIMEOUT, Request, Target

PIECES = 8  # in which a slow request comes
Broken = Callable[[Target, random.Random, threading.Event], str]  # returns the bytes that came, if any


def wire(request: Request) -> tuple[bytes, bytes]:
    """Return the head and the body of a request, as bytes."""
    body = request.body.encode()
    fields = {"Host": "localhost", **request.headers, "Content-Length": str(len(body))}
    head = [
        f"{request.method} {request.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join([*head, "", ""]).encode(), body


@contextmanager
def connected(target: Target, service: str) -> Iterator[socket.socket]:
    """Open a connection to a service."""
    with socket.create_connection(("127.0.0.1", target.stack.ports[service]), timeout=TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def status(connection: socket.socket) -> str:
    """Return the first line of what comes, or nothing if the other side closed."""
    return connection.recv(65536).split(b"\r\n")[0].decode(errors="replace")


def in_pieces(connection: socket.socket, data: bytes, stopping: threading.Event) -> None:
    """Send data in pieces, with half a second between them."""
    size = len(data) // PIECES + 1
    for start in range(0, len(data), size):
        connection.sendall(data[start : start + size])
        stopping.wait(0.5)


def slow_head(target: Target, chance: random.Random, stopping: threading.Event) -> str:
    """Send the head of a good token request slowly."""
    del chance
    head, body = wire(target.token_request("payroll-report"))
    with connected(target, "auth-server") as connection:
        in_pieces(connection, head, stopping)
        connection.sendall(body)
        return status(connection)


def slow_body(target: Target, chance: random.Random, stopping: threading.Event) -> str:
    """Send the body of a good token request slowly."""
    del chance
    head, body = wire(target.token_request("payroll-report"))
    with connected(target, "auth-server") as connection:
        connection.sendall(head)
        in_pieces(connection, body, stopping)
        return status(connection)


def cut_off(target: Target, chance: random.Random, stopping: threading.Event) -> str:
    """Close the connection somewhere in the request, without waiting for an answer."""
    del stopping
    sent = b"".join(wire(target.token_request("payroll-report")))
    with connected(target, "auth-server") as connection:
        connection.sendall(sent[: chance.randrange(1, len(sent))])
    return ""


def half_closed(target: Target, chance: random.Random, stopping: threading.Event) -> str:
    """End the sending side in the middle of a body; no answer may be a success."""
    del stopping
    head, body = wire(target.token_request("payroll-report"))
    with connected(target, "auth-server") as connection:
        connection.sendall(head + body[: chance.randrange(len(body))])
        connection.shutdown(socket.SHUT_WR)
        return status(connection)


def half_open(target: Target, chance: random.Random, stopping: threading.Event) -> str:
    """Open a connection, send nothing or a part of a line, and stay."""
    with connected(target, chance.choice(list(target.stack.ports))) as connection:
        connection.sendall(chance.choice([b"", b"GET /healthz HT"]))
        stopping.wait(10)
    return ""


def idle(target: Target, chance: random.Random, stopping: threading.Event) -> str:
    """Send a request, wait, send another on the same connection; the server may have closed it meanwhile."""
    port = chance.choice(list(target.stack.ports.values()))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    with closing(connection):
        first = _status_of(connection)
        stopping.wait(chance.uniform(0.5, 6))
        try:
            return _status_of(connection)
        except (ConnectionError, http.client.RemoteDisconnected):
            return first


def _status_of(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    response.read()
    return f"HTTP/1.1 {response.status}"


# With the statuses that are right; "" is a closed connection.
KINDS: dict[str, tuple[Broken, tuple[str, ...]]] = {
    "slow: a head in pieces": (slow_head, ("200",)),
    "slow: a body in pieces": (slow_body, ("200",)),
    "cut off: a request": (cut_off, ("",)),
    "cut off: a body, half closed": (half_closed, ("", "400")),
    "half open: a connection": (half_open, ("",)),
    "idle: two requests on one connection": (idle, ("200",)),
}
