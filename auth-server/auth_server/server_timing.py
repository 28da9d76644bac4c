"""Name in each answer the checks that ran, how long each took, and why the last one failed: EXPLAIN=1.

It tells the caller what refusals hide (W3C Server Timing). Without `begin_checks`, no check is kept.
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
    failure: str = ""


def begin_checks() -> None:
    """Keep the checks of this request from here on."""
    _checks.set([])


def failed_check() -> str:
    """Return the name of the check that has failed, "" if none has."""
    checks = _checks.get()
    if not checks or not checks[-1].failure:
        return ""
    return checks[-1].name


def checking(name: str) -> None:
    """Begin a check, which ends the one before. A check that runs again replaces itself and all after it."""
    checks = _checks.get()
    if checks is not None:
        names = [check.name for check in checks]
        if name in names:
            del checks[names.index(name) :]
        checks.append(_Check(name, time.perf_counter()))


def failed(reason: str) -> None:
    """Say why the current check has failed, in words of ours that repeat nothing of the request."""
    checks = _checks.get()
    if checks is not None:
        if not checks:
            checking("request")
        checks[-1].failure = reason


def explain_answers(app: Flask) -> None:
    """Send a Server-Timing header with each answer to a request that was checked."""
    app.before_request(begin_checks)

    @app.after_request
    def explain(response: Response) -> Response:
        checks = _checks.get()
        if checks:
            response.headers["Server-Timing"] = ", ".join(_metrics(checks))
        _checks.set(None)
        return response


def _metrics(checks: list[_Check]) -> Iterator[str]:
    ends = [*(check.began for check in checks[1:]), time.perf_counter()]
    for check, end in zip(checks, ends, strict=True):
        metric = f"{check.name};dur={(end - check.began) * 1000:.3f}"
        if check.failure:
            metric += f";desc={_quoted(check.failure)}"
        yield metric


def _quoted(text: str) -> str:
    """Return the text as a quoted-string (RFC 9110 5.6.4)."""
    ascii_text = re.sub(r"[^ -~]", "?", text)
    return '"' + re.sub(r'(["\\])', r"\\\1", ascii_text) + '"'
