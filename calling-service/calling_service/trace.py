"""The trace that the work at hand belongs to (W3C Trace Context, level 1): read, made, and sent on."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")

_current: ContextVar[str | None] = ContextVar("trace_id", default=None)


def current() -> str | None:
    """Return the trace id of the work at hand."""
    return _current.get()


def trace_id_of(traceparent: str | None) -> str:
    """Return the trace id of a `traceparent` header, or a new one if it is absent or not valid."""
    found = TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else secrets.token_hex(16)


def traceparent(trace_id: str) -> str:
    """Return the header for one call of this trace."""
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


@contextmanager
def tracing(trace_id: str) -> Iterator[None]:
    """Make all work within the block, in this thread, part of the trace."""
    before = _current.set(trace_id)
    try:
        yield
    finally:
        _current.reset(before)
