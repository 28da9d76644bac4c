"""One line in the log for each request, which also says what was decided."""

import logging
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from auth_server.logs import current_trace_id, trace_id_of, write_line

PROBES = ("/healthz", "/readyz")
LONGEST_PATH = 500  # characters; JSON escapes one with up to six, and PIPE_BUF is 4096
LONGEST_METHOD = 20  # characters; granian takes a method of any length

_decision: ContextVar[dict[str, Any] | None] = ContextVar("decision", default=None)
log = logging.getLogger(__name__)


def decided(message: str, **fields: Any) -> None:
    """Put what was decided into the line of this request; never a secret or a token."""
    noted(**fields, message=message)


def noted(**fields: Any) -> None:
    """Put fields into the line of this request; never a secret or a token."""
    decision = _decision.get()
    if decision is not None:
        decision.update(fields)


def decision() -> Mapping[str, Any]:
    """Return what the line of this request says so far."""
    return _decision.get() or {}


class RequestLog:
    """WSGI middleware: logs each request, its path without the query; probes at DEBUG."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the request in its trace."""
        began = time.perf_counter()
        fields: dict[str, Any] = {"method": environ["REQUEST_METHOD"][:LONGEST_METHOD]}
        fields["path"] = environ.get("PATH_INFO", "")[:LONGEST_PATH]
        fields["status"] = 500

        def started(line: str, *args: Any) -> Any:
            fields["status"] = int(line[:3])
            return start_response(line, *args)

        trace = current_trace_id.set(trace_id_of(environ.get("HTTP_TRACEPARENT", "")))
        decision = _decision.set(fields)
        try:
            return self._app(environ, started)
        finally:
            fields["duration_ms"] = round((time.perf_counter() - began) * 1000, 2)
            _log_request(fields)
            _decision.reset(decision)
            current_trace_id.reset(trace)


def _log_request(fields: dict[str, Any]) -> None:
    level = logging.DEBUG if fields["path"] in PROBES else logging.INFO
    if log.isEnabledFor(level):
        message = fields.pop("message", "request")
        # Past logging's records, which would cost as much as an ES256 signature.
        write_line(time.time(), logging.getLevelName(level), log.name, message, fields)
