"""Tell in each answer which checks were made, how long each took, and why the last one failed: EXPLAIN=1.

A header by W3C's Server Timing, for lessons on one's own machine: who reads it learns what refusals hide.
While that is off, `checking` and `failed` do nothing.
"""

import re
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from flask import Flask, Response

_checks: ContextVar["list[_Check] | None"] = ContextVar("checks", default=None)


@dataclass(slots=True)
class _Check:
    name: str
    began: float
    failure: str | None = None


def checking(name: str) -> None:
    """Begin a check, which ends the one before; one that is made again is told from there on anew."""
    if (checks := _checks.get()) is not None:
        names = [check.name for check in checks]
        del checks[names.index(name) if name in names else len(names) :]
        checks.append(_Check(name, time.perf_counter()))


def failed(reason: str) -> None:
    """Say why the check that goes on has failed: a sentence of ours, with nothing in it that was sent."""
    if (checks := _checks.get()) is not None:
        if not checks:
            checking("request")
        checks[-1].failure = reason


def explain_answers(app: Flask) -> None:
    """Send a Server-Timing header with every answer that came of checks."""

    @app.before_request
    def begin() -> None:
        _checks.set([])

    @app.after_request
    def explain(response: Response) -> Response:
        if checks := _checks.get():
            response.headers["Server-Timing"] = ", ".join(_metrics(checks))
        _checks.set(None)
        return response


def _metrics(checks: list[_Check]) -> Iterator[str]:
    ends = [*(check.began for check in checks[1:]), time.perf_counter()]
    for check, end in zip(checks, ends, strict=True):
        desc = f";desc={_quoted(check.failure)}" if check.failure else ""
        yield f"{check.name};dur={(end - check.began) * 1000:.3f}{desc}"


def _quoted(text: str) -> str:
    """Write a quoted-string (RFC 9110 5.6.4)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", re.sub(r"[^ -~]", "?", text)) + '"'
