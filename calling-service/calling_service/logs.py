"""Logs as JSON lines, gunicorn's too; third-party loggers never below WARNING, since they print URLs."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, ClassVar, TextIO

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from calling_service import trace

THIRD_PARTIES = ("urllib3", "requests", "werkzeug", "charset_normalizer")
BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, trace_id, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": "calling-service",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := trace.current():
            event["trace_id"] = trace_id
        event |= {name: value for name, value in vars(record).items() if name not in BUILT_IN}
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)


def configure(level: str, stream: TextIO) -> None:
    """Log at `level` to the stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in THIRD_PARTIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


class GunicornLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log in the same form; its access log is not used."""

    loggers: ClassVar = ("gunicorn.error", "gunicorn.access")

    def setup(self, cfg: Any) -> None:
        """Give gunicorn's loggers the JSON handler, and leave DEBUG lines out: they quote requests."""
        super().setup(cfg)
        self.error_log.setLevel(logging.INFO)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonFormatter())
        for name in self.loggers:
            logging.getLogger(name).handlers = [handler]

    def warning(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a warning; a malformed request may hold a secret and is not quoted."""
        text = str(msg)  # of an exception, for one
        quoted = text.startswith("Invalid request")
        super().warning(text.partition(": ")[0] if quoted else text, *args, **kwargs)

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log an exception; addresses lose their query."""
        super().exception(str(msg), *(str(arg).partition("?")[0] for arg in args), **kwargs)
