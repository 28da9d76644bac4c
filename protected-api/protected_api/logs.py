"""Logs as JSON lines on stdout, and a line per request with its trace id (W3C Trace Context)."""

import json
import logging
import os
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE = "protected-api"
PACKAGE = "protected_api"
STDOUT = 1
PROBES = ("/healthz", "/readyz")
LONGEST_PATH = 500  # characters; an escape of JSON has up to six, and PIPE_BUF is 4096
TRACEPARENT = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
log = logging.getLogger(__name__)
_encode = json.JSONEncoder(default=str).encode


class JsonLines(logging.Handler):
    """Writes each record as one JSON line, in one system call: lines up to PIPE_BUF stay whole."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without logging's lock: one call needs none, and threads would queue for it."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record and the event's own fields."""
        fields = {name: value for name, value in vars(record).items() if name not in STANDARD}
        try:
            if record.exc_info:
                fields["exception"] = logging.Formatter().formatException(record.exc_info)
            write_line(record.created, record.levelname, record.name, record.getMessage(), fields)
        except Exception:  # noqa: BLE001  (a log that fails must not fail the request)
            self.handleError(record)


def write_line(at: float, level: str, logger: str, message: str, fields: Mapping[str, Any]) -> None:
    """Write one line to stdout, in the present trace."""
    line = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z",
        "level": level.lower(),
        "service": SERVICE,
        "logger": logger,
        "message": message,
    }
    if trace := trace_id.get():
        line["trace_id"] = trace
    with suppress(OSError):  # nobody reads any more
        os.write(STDOUT, (_encode({**line, **fields}) + "\n").encode())


def traceparent() -> str:
    """Return the header that lets a call made now go on in the present trace."""
    return f"00-{trace_id.get() or secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def configure_logs(level: str) -> None:
    """Log this package from `level` up and all others from WARNING: at DEBUG, a library may print tokens."""
    logging.root.handlers = [JsonLines()]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # else it sets itself to INFO
    logging.getLogger(PACKAGE).setLevel(level)


class GunicornLogger(Logger):  # type: ignore[misc]
    """Gunicorn's messages as JSON lines, without what it quotes of a request."""

    def setup(self, cfg: Any) -> None:
        """Log to stdout alone, and not below INFO: there gunicorn quotes what a request began with."""
        super().setup(cfg)
        self.error_log.handlers = [JsonLines()]
        self.error_log.setLevel(logging.INFO)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; a malformed request may hold a token and is not quoted."""
        super().warning(msg.partition(":")[0] if msg.startswith("Invalid request") else msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log an exception; addresses lose their query."""
        super().exception(msg, *(str(arg).partition("?")[0] for arg in args), **kwargs)


class RequestLog:
    """WSGI middleware: one line per request, its path without the query; probes at DEBUG."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve the request in its trace."""
        began = time.perf_counter()
        parent = TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
        token = trace_id.set(parent[1] if parent else secrets.token_hex(16))
        status = "500"

        def started(line: str, *args: Any) -> Any:
            nonlocal status
            status = line
            return start_response(line, *args)

        try:
            return self._app(environ, started)
        finally:
            _log_request(environ, int(status[:3]), time.perf_counter() - began)
            trace_id.reset(token)


def _log_request(environ: "WSGIEnvironment", status: int, seconds: float) -> None:
    path = environ.get("PATH_INFO", "")
    level = logging.DEBUG if path in PROBES else logging.INFO
    # Straight to the line: a record of logging's would cost as much as the check of the token.
    if log.isEnabledFor(level):
        fields = {"method": environ["REQUEST_METHOD"], "path": path[:LONGEST_PATH], "status": status}
        fields["duration_ms"] = round(seconds * 1000, 3)
        write_line(time.time(), logging.getLevelName(level), log.name, "request", fields)
