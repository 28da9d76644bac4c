"""A forward proxy on loopback that writes down the bytes of each request and answer, or keeps a request back.

It plays the thief on the way. It also writes a log that has the Authorization header, as careless proxies do.
"""

import socket
import threading
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

KEPT_BACK = b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(eq=False)
class RecordingProxy:
    """What crossed the wire, by path; requests for `keep_back` do not arrive."""

    keep_back: str = ""
    requests: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        proxy = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                """Pass one request on, and its answer back."""
                line = self.rfile.readline()
                head = b"".join(iter(self.rfile.readline, b"\r\n"))
                length = BytesHeaderParser().parsebytes(head)["Content-Length"]
                self.wfile.write(proxy.passed_on(line, head, self.rfile.read(int(length or 0))))

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def passed_on(self, line: bytes, head: bytes, body: bytes) -> bytes:
        """Write a request down, and return what its server answers."""
        method, url, version = line.decode().split()
        target = urlsplit(url)
        head = head.replace(b"Connection: keep-alive", b"Connection: close")
        origin_form = f"{method} {target.path} {version}\r\n".encode() + head + b"\r\n" + body
        self.requests[target.path] = origin_form.decode()
        presented = BytesHeaderParser().parsebytes(head)["Authorization"]
        self.log.append(f'127.0.0.1 "{method} {target.path}" {presented}')
        if target.path == self.keep_back:
            return KEPT_BACK
        with socket.create_connection((target.hostname, target.port), timeout=10) as server:
            server.sendall(origin_form)
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        self.answers[target.path] = answer.decode()
        return answer
