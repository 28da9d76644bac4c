"""What slow senders do to the threads of a server: `make soak SLOW_SENDERS=8`, with SERVER and OVERLAY=tls.

It opens that many connections to the authorization server, on each of which a body (or a head) has begun and
does not end, and counts how many other requests are answered meanwhile, and again when they have ended.
"""

import http.client
import os
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

from live_stack import Stack
from tls_stack import TlsStack

OTHERS = 40  # other requests, each on a connection of its own
PATIENCE = 1.0  # seconds for which each of them waits for its answer
HEAD = b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n"
BODY = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_type="


def opened(stack: Stack, connections: ExitStack) -> socket.socket:
    """Open a connection to the authorization server, over TLS if the stack has it."""
    address = ("127.0.0.1", stack.ports["auth-server"])
    plain = connections.enter_context(socket.create_connection(address, timeout=10))
    if not isinstance(stack, TlsStack):
        return plain
    return connections.enter_context(stack.context().wrap_socket(plain, server_hostname="localhost"))


def answered(stack: Stack) -> int:
    """Return how many of the other requests were answered in time."""
    return sum(_answers(stack) for _ in range(OTHERS))


def _answers(stack: Stack) -> bool:
    port = stack.ports["auth-server"]
    connection = http.client.HTTPConnection("localhost", port, timeout=PATIENCE)
    if isinstance(stack, TlsStack):
        connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=stack.context())
    with closing(connection):
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False


def measured(stack: Stack, count: int, begun: bytes) -> tuple[int, int]:
    """Return how many others were answered while the slow senders wait, and when they have gone."""
    with ExitStack() as connections:
        for _ in range(count):
            opened(stack, connections).sendall(begun)
        time.sleep(1)  # until the workers have read what has come
        during = answered(stack)
    time.sleep(1)
    return during, answered(stack)


def main(folder: Path, count: int) -> int:
    """Start a stack, measure, print a row for each way to be slow, stop everything."""
    kind = TlsStack if os.environ.get("OVERLAY") == "tls" else Stack
    stack = kind(folder / "checkout")
    server = os.environ.get("SERVER") or "gunicorn"
    if isinstance(stack, TlsStack):
        server += " behind the proxy of OVERLAY=tls"
    try:
        stack.make("up")
        for name, begun in (("bodies", HEAD + BODY), ("heads", HEAD)):
            during, after = measured(stack, count, begun)
            print(f"{server}: {count} slow {name}: {during} of {OTHERS} others answered, {after} afterwards")
    finally:
        stack.drop()
    return 0
