"""One line in the log for each request.

The same text in protected-api and calling-service, held equal by a test.
"""

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .logs import current_trace_id, trace_id_of, write_line

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROBES = ("/healthz", "/readyz")
LONGEST_PATH = 500  # characters; JSON escapes one with up to six, and PIPE_BUF is 4096
LONGEST_METHOD = 20  # characters; granian takes a method of any length
log = logging.getLogger(__name__)


class RequestLog:
    """WSGI middleware: logs each request, its path without the query; probes at DEBUG."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve the request in its trace."""
        began = time.perf_counter()
        status = "500"

        def started(line: str, *args: Any) -> Any:
            nonlocal status
            status = line
            return start_response(line, *args)

        trace = current_trace_id.set(trace_id_of(environ.get("HTTP_TRACEPARENT", "")))
        try:
            return self._app(environ, started)
        finally:
            _log_request(environ, int(status[:3]), time.perf_counter() - began)
            current_trace_id.reset(trace)


def _log_request(environ: "WSGIEnvironment", status: int, seconds: float) -> None:
    path = environ.get("PATH_INFO", "")
    level = logging.DEBUG if path in PROBES else logging.INFO
    if not log.isEnabledFor(level):
        return
    fields = {
        "method": environ["REQUEST_METHOD"][:LONGEST_METHOD],
        "path": path[:LONGEST_PATH],
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
    }
    # Past logging's records, which would cost as much as the check of a token.
    write_line(time.time(), logging.getLevelName(level), log.name, "request", fields)
