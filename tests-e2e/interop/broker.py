"""As much of a Kafka broker as a client's login needs: SASL/OAUTHBEARER (RFC 7628), and a list of topics.

It calls the API with the token that it gets, and lets the client in if the API takes it.
"""

import re
import socketserver
import struct
import threading
from typing import Self

import requests

METADATA = 3
SASL_HANDSHAKE = 17
API_VERSIONS = 18
SASL_AUTHENTICATE = 36
VERSIONS = {METADATA: (0, 1), SASL_HANDSHAKE: (0, 1), API_VERSIONS: (0, 0), SASL_AUTHENTICATE: (0, 0)}
UNSUPPORTED_VERSION = 35
SASL_AUTHENTICATION_FAILED = 58
BEARER = re.compile(rb"auth=(Bearer [^\x01]+)\x01")


class Broker(socketserver.ThreadingTCPServer):
    """A broker on a free port of loopback; `address` is what a client needs."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.api_url = api_url
        self.port = self.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def lets_in(self, token: str) -> bool:
        """Return whether the API takes the token."""
        return requests.get(self.api_url, headers={"Authorization": token}, timeout=30).ok


class _Connection(socketserver.StreamRequestHandler):
    server: Broker

    def handle(self) -> None:
        while size := self.rfile.read(4):
            request = self.rfile.read(int.from_bytes(size, "big"))
            key, version, correlation = struct.unpack(">hhi", request[:8])
            body = self._answer(key, version, request)
            self.wfile.write(struct.pack(">ii", len(body) + 4, correlation) + body)

    def _answer(self, key: int, version: int, request: bytes) -> bytes:
        if key == API_VERSIONS:
            error = UNSUPPORTED_VERSION if version else 0
            keys = b"".join(struct.pack(">hhh", one, *versions) for one, versions in VERSIONS.items())
            return struct.pack(">hi", error, len(VERSIONS)) + keys
        if key == SASL_HANDSHAKE:
            return struct.pack(">hi", 0, 1) + _string("OAUTHBEARER")
        if key == SASL_AUTHENTICATE:
            found = BEARER.search(request)
            known = found and self.server.lets_in(found[1].decode())
            return struct.pack(">hhi", 0 if known else SASL_AUTHENTICATION_FAILED, -1, 0)
        broker = struct.pack(">i", 1) + _string("127.0.0.1") + struct.pack(">i", self.server.port)
        no_topics = struct.pack(">i", 0)
        no_rack = struct.pack(">h", -1)
        controller = struct.pack(">i", 1)
        if version == 0:
            return struct.pack(">i", 1) + broker + no_topics
        return struct.pack(">i", 1) + broker + no_rack + controller + no_topics


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()
