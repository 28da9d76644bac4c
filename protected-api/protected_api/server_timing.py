"""Tell in each answer which checks were made, how long each took, and why the last one failed: EXPLAIN=1.

A header by W3C's Server Timing, for lessons on one's own machine: who reads it learns what refusals hide.
Not here: the checks (access_token.py, authorization.py); they call what they are given.
"""

import re
from collections import deque
from time import perf_counter
from typing import Any, NamedTuple

from flask import Flask, Response, g, has_request_context

from protected_api.resource_server import json_over_http
from protected_api.resource_server.issuer_documents import WELL_KNOWN


class _Metric(NamedTuple):
    name: str
    began: float
    ended: float
    desc: str | None

    def __str__(self) -> str:
        desc = f";desc={_quoted(self.desc)}" if self.desc else ""
        return f"{self.name};dur={(self.ended - self.began) * 1000:.3f}{desc}"


class ServerTiming:
    """What the requests of one app go through: give `tell` and `call` to whatever makes checks and calls."""

    def __init__(self, app: Flask) -> None:
        self._fetches: deque[_Metric] = deque(maxlen=4)  # the last calls that no request made: for keys
        app.before_request(self._begin)
        app.after_request(self._send)

    def tell(self, check: str, failure: str | None) -> None:
        """Note that this check took the time since the one before, and why it failed, if it did.

        A fetch of keys that ended meanwhile is one that the check has waited for.
        """
        began, g.told_at = g.told_at, perf_counter()
        g.metrics += [fetch for fetch in self._fetches if fetch.ended > began]
        g.metrics.append(_Metric(check.replace("_", "-"), began, g.told_at, failure))

    def call(self, method: str, url: str, *rest: Any) -> Any:
        """Do as json_over_http.call does, and note the call and its outcome."""
        began, outcome = perf_counter(), "200"
        try:
            return json_over_http.call(method, url, *rest)
        except (OSError, ValueError) as failure:
            outcome = str(failure).removeprefix("HTTP status ")
            raise
        finally:
            kind = "metadata" if WELL_KNOWN in url else "introspection" if method == "POST" else "jwks"
            desc = f"{method} {url.partition('?')[0]} {outcome}"
            metric = _Metric(f"call.{kind}", began, perf_counter(), desc)
            (g.metrics if has_request_context() else self._fetches).append(metric)

    def _begin(self) -> None:
        g.metrics, g.told_at = [], perf_counter()

    def _send(self, response: Response) -> Response:
        if g.metrics:
            response.headers["Server-Timing"] = ", ".join(map(str, g.metrics))
        return response


def _quoted(text: str) -> str:
    """Write a quoted-string (RFC 9110 5.6.4)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", re.sub(r"[^ -~]", "?", text)) + '"'
