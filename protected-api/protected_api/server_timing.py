"""With EXPLAIN=1, a Server-Timing header (W3C) names each check, its duration, and why the last one failed.

For lessons on your own machine: it shows what refusals hide. Not here: the checks (resource_server/).
"""

import re
from collections import deque
from time import perf_counter
from typing import Any

from flask import Flask, Response, g, has_request_context

from protected_api.resource_server.issuer_documents import OPENID_WELL_KNOWN, WELL_KNOWN
from protected_api.resource_server.json_over_http import Call

CALLS = {"GET": "call.jwks", "POST": "call.introspection"}


class ServerTiming:
    """Collects the checks and the calls that the requests of one app go through."""

    def __init__(self, app: Flask, call: Call) -> None:
        self._call = call
        # The last fetches of keys, which no request makes: when each ended, and its metric.
        self._fetches: deque[tuple[float, str]] = deque(maxlen=4)
        app.before_request(self._begin)
        app.after_request(self._send)

    def on_check(self, check: str, failure: str | None) -> None:
        """Add a check, and before it the fetches of keys that it waited for: all since the last check."""
        began = g.checked_at
        g.checked_at = perf_counter()
        g.metrics += [metric for ended, metric in self._fetches if ended > began]
        g.metrics.append(_metric(check, g.checked_at - began, failure))

    def call(self, method: str, url: str, *rest: Any) -> Any:
        """Make the call, and add it with its outcome."""
        began = perf_counter()
        outcome = "200"
        try:
            return self._call(method, url, *rest)
        except (OSError, ValueError) as failure:
            outcome = str(failure).removeprefix("HTTP status ")
            raise
        finally:
            ended = perf_counter()
            desc = f"{method} {url.partition('?')[0]} {outcome}"
            is_metadata = WELL_KNOWN in url or OPENID_WELL_KNOWN in url
            name = "call.metadata" if is_metadata else CALLS[method]
            metric = _metric(name, ended - began, desc)
            if has_request_context():
                g.metrics.append(metric)
            else:
                self._fetches.append((ended, metric))

    def _begin(self) -> None:
        g.metrics = []
        g.checked_at = perf_counter()

    def _send(self, response: Response) -> Response:
        if g.metrics:
            response.headers["Server-Timing"] = ", ".join(g.metrics)
        return response


def _metric(name: str, seconds: float, desc: str | None) -> str:
    milliseconds = seconds * 1000
    metric = f"{name};dur={milliseconds:.3f}"
    if not desc:
        return metric
    printable = re.sub(r"[^ -~]", "?", desc)
    text = re.sub(r'(["\\])', r"\\\1", printable)
    return f'{metric};desc="{text}"'  # a quoted-string (RFC 9110 5.6.4)
