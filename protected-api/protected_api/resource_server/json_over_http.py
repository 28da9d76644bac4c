"""Make an HTTP call that ends by a deadline, whatever the server does, and read its JSON answer.

Not with requests: its time-out starts again at each byte, so that a slow server can hold a thread for hours.
Not limited here: how long the system looks up the address of a name.
"""

import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 3.0  # seconds for a whole call, to the last byte
MAX_ANSWER = 256 * 1024  # bytes
Call = Callable[..., Any]  # `call`, or a function with the same arguments
HEADERS = {"Accept": "application/json", "User-Agent": "resource-server"}


def call(
    method: str, url: str, deadline: float, body: str | None = None, headers: Mapping[str, str] = HEADERS
) -> Any:
    """Return the JSON of a 200; raise OSError or ValueError. `deadline` is on the monotonic clock."""
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    try:
        with closing(connect(parts.netloc, timeout=max(deadline - time.monotonic(), 0.001))) as connection:
            connection.connect()
            hang_up = Timer(deadline - time.monotonic(), _shut_down, [connection.sock])
            hang_up.start()
            try:
                connection.request(method, target, body, {**HEADERS, **headers})
                answer = _read(connection)
            finally:
                hang_up.cancel()
        return json.loads(answer)
    except (HTTPException, RecursionError) as failure:
        raise ValueError(f"not an HTTP answer with a JSON document: {type(failure).__name__}") from failure
    finally:
        if time.monotonic() >= deadline:  # the call was cut off, whatever it says itself
            raise TimeoutError(f"no whole answer in {TIMEOUT:g} s")


def _read(connection: HTTPConnection) -> bytes:
    with connection.getresponse() as response:
        body = response.read(MAX_ANSWER + 1)
    if response.status != 200:  # a redirect too: only the configured address may answer
        raise ValueError(f"HTTP status {response.status}")
    if len(body) > MAX_ANSWER:
        raise ValueError(f"more than {MAX_ANSWER} bytes")
    return body


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
