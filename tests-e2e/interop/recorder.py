"""A loopback server that writes down every request: what a client sends, not what its documentation says."""

import email.message
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

BY_ITSELF = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the origin that got it, when (seconds, monotonic), and what it says."""

    origin: str
    at: float
    method: str
    target: str
    headers: email.message.Message
    body: bytes

    @property
    def path(self) -> str:
        """Return the target without its query."""
        return urlsplit(self.target).path

    @property
    def authorization(self) -> str:
        """Return the Authorization header, or nothing."""
        return str(self.headers.get("Authorization", ""))

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the parameters of a form or of a JSON object, in their order."""
        if "json" in self.headers.get("Content-Type", ""):
            return [(name, str(value)) for name, value in json.loads(self.body).items()]
        return parse_qsl(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the recorder answers."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def as_json(status: int, body: Mapping[str, Any], **headers: str) -> Answer:
    """Return an answer with a JSON body; an underscore in the name of a header stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **named}, json.dumps(body).encode())


class Recorder:
    """One or more origins on loopback, whose requests are written down and answered by one function."""

    def __init__(
        self,
        origins: Mapping[str, str],
        answer: Callable[[Request], Answer],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Bind each origin to a free port; `origins` maps a name to its host."""
        self.requests: list[Request] = []
        self._answer = answer
        self._scheme = "https" if tls else "http"
        self._servers: list[ThreadingHTTPServer] = []
        self._threads: list[threading.Thread] = []
        self.url: dict[str, str] = {}
        for name, host in origins.items():
            server = _Server(("127.0.0.1", 0), self._handler(name))
            if tls:
                server.socket = tls.wrap_socket(
                    server.socket, server_side=True, do_handshake_on_connect=False
                )
            self._servers.append(server)
            self.url[name] = f"{self._scheme}://{host}:{server.server_port}"

    def __enter__(self) -> Self:
        for server in self._servers:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    def of(self, origin: str) -> list[Request]:
        """Return what one origin got so far."""
        return [request for request in list(self.requests) if request.origin == origin]

    def _handler(self, origin: str) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def serve(self) -> None:
                """Write the request down and answer it."""
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(origin, time.monotonic(), self.command, self.path, self.headers, body)
                recorder.requests.append(request)
                answer = recorder._answer(request)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in BY_ITSELF:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def do_GET(self) -> None:
                self.serve()

            def do_POST(self) -> None:
                self.serve()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True  # a client that keeps its connection open does not keep the recorder

    def handle_error(self, *_: object) -> None:
        """Say nothing when a client goes away."""
