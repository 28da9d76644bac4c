"""One JSON object a line on stdout, with the trace id of the request (W3C Trace Context)."""

import json
import logging
import re
import secrets
import sys
import time
from datetime import UTC, datetime
from logging.config import dictConfig
from typing import Any

from flask import Flask, Response, g, has_app_context, request
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

log = logging.getLogger(__name__)

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET_PATHS = {"/healthz", "/readyz"}


class JsonFormatter(logging.Formatter):
    """Formats a record and its `event`, a dictionary given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        time_ = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time_.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": "auth-server",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_app_context() and "trace_id" in g:
            line["trace_id"] = g.trace_id
        line |= getattr(record, "event", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: str) -> None:
    """Log ours from `level` on and all else from WARNING on: Authlib's DEBUG lines hold whole tokens."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonFormatter}},
            "handlers": {
                "stdout": {"class": "logging.StreamHandler", "stream": sys.stdout, "formatter": "json"}
            },
            "root": {"level": "WARNING", "handlers": ["stdout"]},
            "loggers": {"auth_server": {"level": level}},
        }
    )


def log_requests(app: Flask) -> None:
    """Log each request of an app: its path without the query."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.perf_counter()
    traceparent = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    g.trace_id = traceparent[1] if traceparent else secrets.token_hex(16)


def _end(response: Response) -> Response:
    level = logging.DEBUG if request.path in _QUIET_PATHS else logging.INFO
    if log.isEnabledFor(level):
        duration_ms = round((time.perf_counter() - g.began) * 1000, 2)
        event = {"method": request.method, "path": request.path, "status": response.status_code}
        log.log(level, "request", extra={"event": event | {"duration_ms": duration_ms}})
    return response


class GunicornLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logger, writing our lines; its own quote a malformed request, credentials included."""

    def setup(self, cfg: Any) -> None:
        """Leave formatting to the root logger, and DEBUG lines out: they quote requests too."""
        super().setup(cfg)
        configure_logging("INFO")  # until the settings have been read
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; an invalid request by the address alone."""
        quoted = msg.startswith("Invalid request from ip=")
        super().warning(msg.partition(": ")[0] if quoted else msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a traceback; a request that failed without its URI."""
        quoted = msg.startswith("Error handling request")
        super().exception("Error handling request" if quoted else msg, *(() if quoted else args), **kwargs)
