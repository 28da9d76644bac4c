"""A wire on loopback between a client and a server, which can lose an answer."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Self


class Wire:
    """Passes connections on to a port of this machine; one answer can be lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._countdown = 0
        self._instead: Callable[[], None] = lambda: None

    def lose_answer(self, number: int, instead: Callable[[], None]) -> None:
        """Drop the answer with this number, counted from now on, and call `instead` when it arrives."""
        self._instead = instead
        self._countdown = number

    def __enter__(self) -> Self:
        wire = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                """Pass on what both sides send."""
                wire.connect(self.request)

        class Server(ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def connect(self, client: socket.socket) -> None:
        """Pass a connection on until either side closes it; without a server, close it."""
        try:
            server = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        except OSError:
            return
        server.settimeout(None)
        with server:
            upstream = threading.Thread(target=self._requests, args=(client, server), daemon=True)
            upstream.start()
            self._answers(server, client)
            _shut(client)
            upstream.join()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while received := client.recv(65536):
                server.sendall(received)
        _shut(server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while received := server.recv(65536):
                if received.startswith(b"HTTP/1.1 ") and self._is_lost():
                    self._instead()
                    return
                client.sendall(received)

    def _is_lost(self) -> bool:
        self._countdown -= 1
        return self._countdown == 0


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
