"""Make an HTTP call that ends by a deadline, whatever the server does, and read its JSON answer.

Not with requests: its time-out starts again at each byte, so that a slow server can hold a thread for hours,
and it takes proxies from the environment. Not limited here: how long the system looks up a name.
"""

import base64
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

TIMEOUT = 3.0  # seconds for a whole call, to the last byte
MAX_ANSWER = 256 * 1024  # bytes
Call = Callable[..., Any]  # `call`, or a function with the same arguments
HEADERS = {"Accept": "application/json", "User-Agent": "resource-server"}


def call(
    method: str,
    url: str,
    deadline: float,
    body: str | None = None,
    headers: Mapping[str, str] = HEADERS,
    *,
    proxy: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Any:
    """Return the JSON of a 200; raise OSError or ValueError. `deadline` is on the monotonic clock.

    `proxy` is http://host:port or http://user:password@host:port; without it, no proxy is used, whatever the
    environment says. `tls` says which certificates are trusted; without it, those of the system are.
    """
    parts = urlsplit(url)._replace(fragment="")
    target = parts._replace(scheme="", netloc="").geturl() or "/"
    all_headers = {**HEADERS, **headers}
    if proxy and parts.scheme == "http":
        target = parts.geturl()  # RFC 9112 3.2.2: a proxy gets the whole address
        all_headers |= _proxy_headers(proxy)
    timeout = max(deadline - time.monotonic(), 0.001)
    try:
        with closing(_connection(parts, timeout, proxy, tls)) as connection:
            connected: list[socket.socket] = []
            hang_up = Timer(timeout, _hang_up, [connection, connected])
            hang_up.start()
            try:
                connection.connect()
                # The connection forgets its socket if the answer ends with the connection.
                connected.append(connection.sock)
                _check_time(deadline)
                connection.request(method, target, body, all_headers)
                answer = _read(connection)
            finally:
                hang_up.cancel()
        return json.loads(answer)
    except (HTTPException, RecursionError) as failure:
        raise ValueError(f"not an HTTP answer with a JSON document: {type(failure).__name__}") from failure
    finally:
        _check_time(deadline)  # if the call was cut off, whatever it says itself


def _connection(
    parts: SplitResult, timeout: float, proxy: str | None, tls: ssl.SSLContext | None
) -> HTTPConnection:
    server = parts.netloc
    if proxy:
        server = urlsplit(proxy).netloc.rpartition("@")[2]
    if parts.scheme != "https":
        return HTTPConnection(server, timeout=timeout)
    connection = HTTPSConnection(server, timeout=timeout, context=tls)
    if proxy:
        connection.set_tunnel(parts.netloc, headers=_proxy_headers(proxy))  # RFC 9110 9.3.6: CONNECT
    return connection


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def _read(connection: HTTPConnection) -> bytes:
    with connection.getresponse() as response:
        body = response.read(MAX_ANSWER + 1)
    if response.status != 200:  # a redirect too: only the configured address may answer
        raise ValueError(f"HTTP status {response.status}")
    if len(body) > MAX_ANSWER:
        raise ValueError(f"more than {MAX_ANSWER} bytes")
    return body


def _check_time(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise TimeoutError(f"no whole answer in {TIMEOUT:g} s")


def _hang_up(connection: HTTPConnection, connected: list[socket.socket]) -> None:
    for each in (connection.sock, *connected):
        with suppress(OSError, AttributeError):  # it is closed, or there is none
            each.shutdown(socket.SHUT_RDWR)
