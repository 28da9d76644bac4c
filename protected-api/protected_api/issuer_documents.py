"""Fetch the issuer's key set (RFC 7517 5), and its metadata (RFC 8414 3) where nothing else names the set.

Not here: when to fetch, and which keys are usable (issuer_keys.py).
"""

import json
import socket
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 3.0  # seconds for the whole fetch: names, connections, every byte
MAX_SIZE = 256 * 1024


def fetch_key_set(issuer: str, jwks_uri: str | None) -> Any:
    """Return the issuer's JWK set; raise OSError or ValueError if it cannot be had in TIMEOUT seconds."""
    deadline = time.monotonic() + TIMEOUT
    return _get_json(jwks_uri or _find_jwks_uri(issuer, deadline), deadline)


def _find_jwks_uri(issuer: str, deadline: float) -> str:
    # RFC 8414 3.1: the well-known part goes between the host and the issuer's path.
    origin, path = issuer[: len(issuer) - len(urlsplit(issuer).path)], urlsplit(issuer).path.rstrip("/")
    metadata = _get_json(f"{origin}/.well-known/oauth-authorization-server{path}", deadline)
    if not isinstance(metadata, dict) or metadata.get("issuer") != issuer:
        raise ValueError("the metadata is of another issuer")  # RFC 8414 3.3
    jwks_uri = metadata.get("jwks_uri")
    schemes = ("https", "http") if issuer.startswith("http://") else ("https",)
    if not isinstance(jwks_uri, str) or urlsplit(jwks_uri).scheme not in schemes:
        raise ValueError("the metadata names no usable jwks_uri")
    return jwks_uri


def _get_json(url: str, deadline: float) -> Any:
    # Not requests: its time-out starts again at each byte, so that a slow issuer can hold it for hours.
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.netloc, timeout=max(deadline - time.monotonic(), 0.001))
    try:
        with closing(connection):
            connection.connect()
            body = _get(
                connection, parts._replace(scheme="", netloc="", fragment="").geturl() or "/", deadline
            )
        return json.loads(body)
    except (HTTPException, RecursionError) as failure:
        raise ValueError(f"not an HTTP answer with a JSON document: {type(failure).__name__}") from failure


def _get(connection: HTTPConnection, target: str, deadline: float) -> bytes:
    hang_up = Timer(deadline - time.monotonic(), _shut_down, [connection.sock])
    hang_up.start()
    try:
        connection.request(
            "GET", target, headers={"Accept": "application/json", "User-Agent": "timesheets-api"}
        )
        with connection.getresponse() as response:
            body = response.read(MAX_SIZE + 1)
    finally:
        hang_up.cancel()
    if time.monotonic() >= deadline:
        raise TimeoutError(f"no whole answer in {TIMEOUT:g} s")
    if response.status != 200:  # a redirect too: keys come from where they are configured
        raise ValueError(f"HTTP status {response.status}")
    if len(body) > MAX_SIZE:
        raise ValueError(f"more than {MAX_SIZE} bytes")
    return body


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
