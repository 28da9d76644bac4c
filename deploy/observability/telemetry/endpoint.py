"""`GET /metrics` on a port of its own, which is not published: each worker listens, any one answers."""

import logging
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

log = logging.getLogger(__name__)


class _Server(ThreadingTCPServer):  # an HTTPServer would look up its own name, which may take seconds
    allow_reuse_address = True
    allow_reuse_port = True
    daemon_threads = True

    def __init__(self, port: int, registry: CollectorRegistry) -> None:
        self.registry = registry
        super().__init__(("", port), _Handler)

    def handle_error(self, *_: Any) -> None:
        """Log what a request has raised."""
        log.exception("metrics were not sent")  # noqa: LOG004  (called in an except block)


class _Handler(BaseHTTPRequestHandler):
    timeout = 5  # seconds for a request to arrive
    server: _Server

    def do_GET(self) -> None:
        """Send the metrics of all workers."""
        if self.path != "/metrics":
            self.send_error(404)
            return
        page = generate_latest(self.server.registry)
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Log no request."""


def serve(registry: CollectorRegistry, port: int) -> None:
    """Serve in the background; without the port, the service runs all the same."""
    try:
        server = _Server(port, registry)
    except OSError:
        log.exception("metrics are not served")
        return
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
