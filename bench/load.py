"""A closed-loop HTTP/1.1 load generator for loopback: keep-alive connections with one request in flight each.

It has one thread and one selector, so that it uses little CPU. It stops after some requests or seconds.
"""

import math
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


def http(method: str, path: str, headers: dict[str, str], body: str = "") -> bytes:
    """Return the bytes of one request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


@dataclass(frozen=True, slots=True)
class Result:
    """What one run measured: requests per second, and the sorted latencies in seconds."""

    rate: float
    latencies: Sequence[float]

    def percentile(self, percent: float) -> float:
        """Return the latency in seconds that `percent` per cent of the requests did not exceed."""
        place = int(len(self.latencies) * percent / 100)
        last = len(self.latencies) - 1
        return self.latencies[min(place, last)]


@dataclass(slots=True)
class _Connection:
    sock: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> None:
        self.sock.sendall(request)
        self.received.clear()
        self.sent_at = time.perf_counter()

    def answered(self) -> bool:
        """Read what has arrived and return whether the response is complete; raise unless it is a 200."""
        chunk = self.sock.recv(65536)
        self.received += chunk
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not chunk or (separator and b" 200 " not in head[:13]):
            raise RuntimeError(f"the service answered {bytes(self.received[:500])!r}")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return bool(separator) and len(body) >= int(length)


def run(
    port: int,
    requests: Iterator[bytes],
    *,
    count: int = sys.maxsize,
    seconds: float = math.inf,
    connections: int = 8,
) -> Result:
    """Send requests to 127.0.0.1; time each from its last byte sent to the last byte received."""
    latencies: list[float] = []
    selector = selectors.DefaultSelector()
    started = time.perf_counter()
    for _ in range(connections):
        connection = _Connection(socket.create_connection(("127.0.0.1", port), timeout=10))
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection.sock, selectors.EVENT_READ, connection)
        connection.send(next(requests))
    sent = connections
    while len(latencies) < count and time.perf_counter() - started < seconds:
        for key, _ in selector.select(timeout=10):
            connection = key.data
            if not connection.answered():
                continue
            latencies.append(time.perf_counter() - connection.sent_at)
            if sent < count:
                connection.send(next(requests))
                sent += 1
    elapsed = time.perf_counter() - started
    for key in list(selector.get_map().values()):
        selector.unregister(key.fileobj)
        key.data.sock.close()
    return Result(len(latencies) / elapsed, sorted(latencies))
