"""A request while it is served, and the WSGI app around the service's that counts it and makes it a span."""

import re
import secrets
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, request

from telemetry.metrics import Metrics
from telemetry.spans import SpanId, Spans

PROBES = ("/healthz", "/readyz")
UNKNOWN = "none"  # the route, and the method, of a request that no route matches
VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(slots=True)
class Served:
    """What is known of the request so far; its route and its method are the code's, not the caller's."""

    began: int  # ns, Unix time
    span: SpanId | None = None
    route: str = UNKNOWN
    method: str = UNKNOWN
    status: int = 500
    failed_check: str = ""


serving: ContextVar[Served | None] = ContextVar("serving", default=None)


class ObservedApp:
    """Counts and measures each request, and makes it a span of the trace that the service's log names."""

    def __init__(
        self, app: WSGIApplication, metrics: Metrics, spans: Spans | None, trace_id_of: Callable[[str], str]
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._spans = spans
        self._trace_id_of = trace_id_of

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the request."""
        served = Served(time.time_ns())
        if self._spans:
            served.span = continued(environ.get("HTTP_TRACEPARENT", ""), self._trace_id_of)
            environ["HTTP_TRACEPARENT"] = served.span.traceparent  # so the service takes the same trace
        began = time.perf_counter()

        def started(line: str, *args: Any) -> Any:
            served.status = int(line[:3])
            return start_response(line, *args)

        before = serving.set(served)
        try:
            return self._app(environ, started)
        finally:
            serving.reset(before)
            self._ended(served, time.perf_counter() - began)

    def _ended(self, served: Served, seconds: float) -> None:
        self._metrics.count("http_requests_total", served.route, served.method, str(served.status))
        self._metrics.measure("http_request_duration_seconds", seconds, served.route)
        if self._spans and served.span and not served.route.endswith(PROBES):
            self._spans.add(
                "server",
                f"{served.method} {served.route}",
                served.span,
                began=served.began,
                ended=served.began + int(seconds * 1e9),
                attributes=_attributes(served),
                failed=served.status >= 500,
            )


def _attributes(served: Served) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "http.request.method": served.method,
        "http.route": served.route,
        "http.response.status_code": served.status,
    }
    if served.failed_check:
        attributes["check.failed"] = served.failed_check
    return attributes


def observe_requests(
    app: Flask, metrics: Metrics, spans: Spans | None, trace_id_of: Callable[[str], str]
) -> None:
    """Observe every request of the app, by the route that it took."""

    @app.after_request
    def note_route(response: Response) -> Response:
        served = serving.get()
        if served and request.url_rule:
            served.route = _template(request.url_rule.rule)
            served.method = request.method
        return response

    app.wsgi_app = ObservedApp(app.wsgi_app, metrics, spans, trace_id_of)  # type: ignore[method-assign]


def continued(traceparent: str, trace_id_of: Callable[[str], str]) -> SpanId:
    """Return a new span of the trace of a `traceparent` header; of a new trace if the header is not valid."""
    trace_id = trace_id_of(traceparent)
    span_id = secrets.token_hex(8)
    parts = traceparent.split("-")
    if trace_id not in parts[1:2]:
        return SpanId(trace_id, span_id)
    return SpanId(trace_id, span_id, parent=parts[2], sampled=bool(int(parts[3], 16) & 1))


@cache
def _template(rule: str) -> str:
    return VARIABLE.sub(r"{\1}", rule)
