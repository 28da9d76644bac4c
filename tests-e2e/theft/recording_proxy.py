"""A forward proxy on loopback that writes down the bytes of each request and answer, or keeps a request back.

It plays the thief on the way. It also writes a log that has the Authorization header, as careless proxies do.
"""

import socket
import threading
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Self
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
                body = self.rfile.read(int(length or 0))
                self.wfile.write(proxy.passed_on(line, head, body, proxy.added(self.request)))

        class Server(ThreadingTCPServer):
            def finish_request(self, request: Any, client_address: Any) -> None:
                with proxy.opened(request) as connection:
                    Handler(connection, client_address, self)

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def opened(self, connection: Any) -> Any:
        """Return a connection that a client has made, as it is used."""
        return connection

    def added(self, _connection: Any) -> bytes:
        """Return the header lines that the proxy adds to a request of this connection."""
        return b""

    def absolute(self, target: str) -> str:
        """Return the URL to which a request goes: it names the URL itself (RFC 9112 3.2.2)."""
        return target

    def passed_on(self, line: bytes, head: bytes, body: bytes, added: bytes) -> bytes:
        """Write a request down, and return what its server answers."""
        method, target, version = line.decode().split()
        url = urlsplit(self.absolute(target))
        start = f"{method} {url.path} {version}\r\n".encode()
        head = head.replace(b"Connection: keep-alive", b"Connection: close")
        self.requests[url.path] = (start + head + b"\r\n" + body).decode()
        presented = BytesHeaderParser().parsebytes(head)["Authorization"]
        self.log.append(f'127.0.0.1 "{method} {url.path}" {presented}')
        if url.path == self.keep_back:
            return KEPT_BACK
        with socket.create_connection((url.hostname, url.port), timeout=10) as server:
            server.sendall(start + added + head + b"\r\n" + body)
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        self.answers[url.path] = answer.decode()
        return answer
