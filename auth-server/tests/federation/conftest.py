"""A key endpoint on loopback, as the API server of a cluster has one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from auth_server.algorithms import generate_key


class Endpoint(ThreadingHTTPServer):
    """A key endpoint on loopback."""

    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes = json.dumps({"keys": [generate_key("ES256").as_dict(private=False)]}).encode()
        self.pause = 0.0  # seconds between two bytes
        self.stopping = threading.Event()
        self.asked: list[tuple[str, str | None]] = []
        self.scheme = "http"

    @property
    def url(self) -> str:
        """Return the address of the keys."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}/openid/v1/jwks"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: callers hang up on purpose."""


class Handler(BaseHTTPRequestHandler):
    """Answers as its endpoint says."""

    server: Endpoint

    def do_GET(self) -> None:
        """Send the body, at once or byte by byte."""
        endpoint = self.server
        endpoint.asked.append((self.path, self.headers.get("Authorization")))
        self.send_response(endpoint.status)
        for name, value in endpoint.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(endpoint.body)))
        self.end_headers()
        if not endpoint.pause:
            self.wfile.write(endpoint.body)
            return
        for byte in endpoint.body:
            if endpoint.stopping.wait(endpoint.pause):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join()
