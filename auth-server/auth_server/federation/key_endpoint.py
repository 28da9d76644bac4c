"""Fetch the JSON of one declared address, within a few seconds whatever the server does.

No redirect is followed, and no proxy is taken from the environment. Not limited here: how long the system
looks up a name.
"""

import json
import ssl
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import Any
from urllib.parse import SplitResult, urlsplit

TIMEOUT = 3.0  # seconds for a whole call, to the last byte
MAX_ANSWER = 256 * 1024  # bytes
LONGEST_PROBLEM = 200  # characters; http.client quotes a status line of any length
HEADERS = {"Accept": "application/json", "User-Agent": "auth-server"}


def fetch_json(url: str, ca_file: Path | None, bearer_file: Path | None, timeout: float = TIMEOUT) -> Any:
    """Return the JSON of a 200; raise OSError, whose message names the address.

    `ca_file` has the CAs to trust, in PEM, instead of the system's; `bearer_file` has a token that the
    address asks for, and is read for each call.
    """
    parts = urlsplit(url)
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    headers = dict(HEADERS)
    if bearer_file:
        headers["Authorization"] = f"Bearer {_read_token(bearer_file)}"
    try:
        with closing(_connection(parts, ca_file, timeout)) as connection:
            return json.loads(_get(connection, target, headers, timeout))
    except (OSError, ValueError, HTTPException, RecursionError) as failure:
        problem = str(failure)[:LONGEST_PROBLEM]
        raise OSError(f"{url}: {type(failure).__name__}: {problem}") from None


def _read_token(file: Path) -> str:
    token = file.read_text("ascii", errors="replace").strip()
    if not token or not token.isprintable() or not token.isascii():
        raise OSError(f"{file} does not hold a token in one line")
    return token


def _connection(parts: SplitResult, ca_file: Path | None, timeout: float) -> HTTPConnection:
    if parts.scheme == "http":
        return HTTPConnection(parts.netloc, timeout=timeout)
    tls = ssl.create_default_context(cafile=ca_file)
    return HTTPSConnection(parts.netloc, timeout=timeout, context=tls)


def _get(connection: HTTPConnection, target: str, headers: dict[str, str], timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    connected: list[socket] = []
    # The connection's own time-out begins again at each byte.
    hang_up = Timer(timeout, _hang_up, [connection, connected])
    hang_up.start()
    try:
        connection.connect()
        connected.append(connection.sock)  # which the connection forgets if an answer ends with it
        if time.monotonic() >= deadline:  # the timer has found nothing yet to hang up
            raise TimeoutError(f"not connected in {timeout:g} s")
        connection.request("GET", target, headers=headers)
        with connection.getresponse() as response:
            body = response.read(MAX_ANSWER + 1)
    finally:
        hang_up.cancel()
    if response.status != 200:
        raise ValueError(f"HTTP status {response.status}")
    if len(body) > MAX_ANSWER:
        raise ValueError(f"more than {MAX_ANSWER} bytes")
    return body


def _hang_up(connection: HTTPConnection, connected: list[socket]) -> None:
    for each in (connection.sock, *connected):
        with suppress(OSError, AttributeError):  # it is closed, or there is none
            each.shutdown(SHUT_RDWR)
