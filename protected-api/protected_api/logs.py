"""Logs as JSON lines, gunicorn's too, each with the trace id of the work at hand (W3C Trace Context).

The same text in all three services, held equal by a test. Not here: the line per request (request_log.py).
"""

import json
import logging
import os
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

PACKAGE = __name__.partition(".")[0]
SERVICE = PACKAGE.replace("_", "-")
STDOUT = 1
TRACEPARENT = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
BUILT_IN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

current_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)


def _encode(line: Mapping[str, Any]) -> bytes:
    """Return the line as JSON in ASCII; other characters could control the terminal that shows the log."""
    try:
        text = orjson.dumps(line, default=str, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        if text.isascii():
            return text
    except TypeError:  # half a surrogate pair or more than 64 bits, which only json can write
        pass
    return json.dumps(line, default=str).encode()


def trace_id_of(traceparent: str) -> str:
    """Return the trace id of a `traceparent` header, or a new one if the header is empty or not valid."""
    found = TRACEPARENT.fullmatch(traceparent)
    if found:
        return found[1]
    # No secret, so not from the operating system: that is a system call, in which a thread loses the GIL.
    return f"{random.getrandbits(128):032x}"


@contextmanager
def tracing(trace_id: str) -> Iterator[None]:
    """Make the work within the block, in this thread, part of the trace."""
    before = current_trace_id.set(trace_id)
    try:
        yield
    finally:
        current_trace_id.reset(before)


class JsonLines(logging.Handler):
    """Writes each record as one JSON line, with the fields that were given as `extra`."""

    def __init__(self, descriptor: int = STDOUT) -> None:
        super().__init__()
        self._descriptor = descriptor

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without logging's lock: one system call needs none, and threads would queue for it."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; a log that fails must not fail the request."""
        try:
            fields = {name: value for name, value in vars(record).items() if name not in BUILT_IN}
            if record.exc_info:
                fields["exception"] = logging.Formatter().formatException(record.exc_info)
            message = record.getMessage()
            write_line(
                record.created, record.levelname, record.name, message, fields, descriptor=self._descriptor
            )
        except Exception:  # noqa: BLE001  (see above)
            self.handleError(record)


def write_line(
    at: float, level: str, logger: str, message: str, fields: Mapping[str, Any], *, descriptor: int = STDOUT
) -> None:
    """Write one line in one system call: on a pipe, lines up to PIPE_BUF stay whole. `at` is in Unix time."""
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "level": level.lower(),
        "service": SERVICE,
        "logger": logger,
        "message": message,
    }
    trace_id = current_trace_id.get()
    if trace_id:
        line["trace_id"] = trace_id
    try:
        os.write(descriptor, _encode({**line, **fields}) + b"\n")
    except OSError:  # the reader is gone
        return


def configure_logs(level: str, packages: Iterable[str] = (PACKAGE,), descriptor: int = STDOUT) -> None:
    """Log our packages from `level` up, and libraries from WARNING up: at DEBUG some of them print tokens."""
    logging.root.handlers = [JsonLines(descriptor)]
    logging.root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it would set itself to INFO
    for package in packages:
        logging.getLogger(package).setLevel(level)


class GunicornLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log as JSON lines, without what it quotes of a request."""

    def setup(self, cfg: Any) -> None:
        """Write to stdout alone, and nothing below INFO: there gunicorn quotes requests."""
        super().setup(cfg)
        self.error_log.handlers = [JsonLines()]
        self.error_log.setLevel(logging.INFO)

    def warning(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a warning; a malformed request is not quoted, since it may hold a credential."""
        text = str(msg)
        if text.startswith("Invalid request"):
            text = text.partition(": ")[0]
        super().warning(text, *args, **kwargs)

    def exception(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log an exception; addresses lose their query."""
        super().exception(str(msg), *(str(arg).partition("?")[0] for arg in args), **kwargs)
