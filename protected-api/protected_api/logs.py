"""Logs as JSON lines on stdout, and one line per request with the trace id of W3C Trace Context."""

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gunicorn.glogging import Logger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE = "protected-api"
PACKAGE = "protected_api"
PROBES = ("/healthz", "/readyz")
TRACEPARENT = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}

trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """One JSON object a line: the record, the request's trace id, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback in it shows code, never values."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "service": SERVICE,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace := trace_id.get():
            line["trace_id"] = trace
        line.update((name, value) for name, value in vars(record).items() if name not in STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def json_handler() -> logging.Handler:
    """Return a handler that writes JSON lines to stdout."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    return handler


def configure_logs(level: str) -> None:
    """Log this package from `level` up, and every other from WARNING: a library at DEBUG may print tokens."""
    logging.root.handlers = [json_handler()]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger(PACKAGE).setLevel(level)


class GunicornLogger(Logger):
    """Gunicorn's own messages as JSON lines, without the parts of a request that it quotes."""

    def setup(self, cfg: Any) -> None:
        """Log to the JSON handler alone."""
        super().setup(cfg)
        self.error_log.handlers = [json_handler()]

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; a malformed request, which may hold a token, is not quoted."""
        super().warning(msg.partition(":")[0] if msg.startswith("Invalid request") else msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log an exception; addresses lose their query."""
        super().exception(msg, *(str(arg).partition("?")[0] for arg in args), **kwargs)


class RequestLog:
    """WSGI middleware: a line per request, its path without the query; probes at DEBUG."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve the request in its trace."""
        began = time.perf_counter()
        parent = TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
        trace_id.set(parent[1] if parent else secrets.token_hex(16))
        status = "500"

        def started(line: str, *args: Any) -> Any:
            nonlocal status
            status = line
            return start_response(line, *args)

        try:
            return self._app(environ, started)
        finally:
            path = environ.get("PATH_INFO", "")
            fields = {
                "method": environ["REQUEST_METHOD"],
                "path": path,
                "status": int(status[:3]),
                "duration_ms": round((time.perf_counter() - began) * 1000, 3),
            }
            log.log(logging.DEBUG if path in PROBES else logging.INFO, "request", extra=fields)
            trace_id.set(None)
