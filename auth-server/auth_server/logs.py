"""JSON lines on stdout, one per request, with what was decided in it and its trace id (W3C Trace Context)."""

import json
import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

log = logging.getLogger(__name__)

_TRACEPARENT = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_STDOUT = 1
_QUIET_PATHS = {"/healthz", "/readyz"}
_LONGEST_PATH = 500  # characters; one may take six in JSON, and PIPE_BUF is 4096

_encode = json.JSONEncoder(default=str).encode
_request: ContextVar["_Request | None"] = ContextVar("request", default=None)


class _Request:
    """What the line of the request that is being served will say."""

    __slots__ = ("event", "message", "trace_id")

    def __init__(self, traceparent: str) -> None:
        valid = _TRACEPARENT.fullmatch(traceparent)
        self.trace_id = valid[1] if valid else f"{random.getrandbits(128):032x}"
        self.message = "request"
        self.event: dict[str, Any] = {}


def decided(message: str, event: dict[str, Any]) -> None:
    """Say in the line of this request what was decided; never a secret or a token."""
    if request := _request.get():
        request.message, request.event = message, event


class RequestLog:
    """WSGI middleware that logs each request: its path without the query, cut where it is long."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request and log it."""
        began = time.perf_counter()
        request = _Request(environ.get("HTTP_TRACEPARENT", ""))
        statuses: list[int] = []

        def start(status: str, *rest: Any) -> Any:
            statuses.append(int(status[:3]))
            return start_response(status, *rest)

        token = _request.set(request)
        try:
            return self._app(environ, start)
        finally:
            path = environ["PATH_INFO"][:_LONGEST_PATH]
            event = {
                "method": environ["REQUEST_METHOD"],
                "path": path,
                "status": statuses[-1] if statuses else 500,
            }
            event["duration_ms"] = round((time.perf_counter() - began) * 1000, 2)
            level = logging.DEBUG if path in _QUIET_PATHS else logging.INFO
            if log.isEnabledFor(level):
                # Not as a record of logging's, which would cost as much as an ES256 signature.
                name = logging.getLevelName(level)
                _write(time.time(), name, log.name, request.message, event | request.event)
            _request.reset(token)


class JsonLines(logging.Handler):
    """Writes each record with its `event`, a dictionary given as `extra`."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without logging's lock: one system call needs none, and threads would queue for it."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line. Its traceback holds messages: ours no secrets, and SQLAlchemy's no parameters."""
        try:
            event = getattr(record, "event", {})
            if record.exc_info:
                event = event | {"exception": logging.Formatter().formatException(record.exc_info)}
            _write(record.created, record.levelname, record.name, record.getMessage(), event)
        except Exception:  # noqa: BLE001  (a log that fails must not fail the request)
            self.handleError(record)


def _write(at: float, level: str, logger: str, message: str, event: dict[str, Any]) -> None:
    """Write a line in one system call: on a pipe, the lines of all workers stay whole up to PIPE_BUF."""
    line = {
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "level": level.lower(),
        "service": "auth-server",
        "logger": logger,
        "message": message,
    }
    if request := _request.get():
        line["trace_id"] = request.trace_id
    with suppress(OSError):  # nobody reads any more
        os.write(_STDOUT, (_encode(line | event) + "\n").encode())


def configure_logging(level: str) -> None:
    """Log ours from `level` on and all else from WARNING on: Authlib's DEBUG lines hold whole tokens."""
    logging.root.handlers = [JsonLines()]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("auth_server").setLevel(level)


class GunicornLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logger, writing our lines; its own quote a malformed request, credentials included."""

    def setup(self, cfg: Any) -> None:
        """Leave formatting to the root logger, and DEBUG lines out: they quote requests too."""
        super().setup(cfg)
        configure_logging("INFO")  # until the settings have been read
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)

    def warning(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a warning; an invalid request by the address alone."""
        quoted = str(msg).startswith("Invalid request from ip=")
        super().warning(str(msg).partition(": ")[0] if quoted else msg, *args, **kwargs)

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a traceback; a request that failed without its URI."""
        quoted = str(msg).startswith("Error handling request")
        super().exception("Error handling request" if quoted else msg, *(() if quoted else args), **kwargs)
