"""What the Timesheets API tells: failed checks, fetches of the key set, and when it asks about a token."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from prometheus_client.registry import Collector
from protected_api.logs import trace_id_of
from protected_api.resource_server.introspection import Introspection
from protected_api.resource_server.issuer_keys import IssuerKeys

from telemetry.metrics import Metrics
from telemetry.served import observe_requests, serving
from telemetry.spans import SpanId, Spans


def observe(app: Flask, metrics: Metrics, spans: Spans | None) -> None:
    """Observe the requests of this worker, and its fetches; call it before these begin."""
    authorization = app.extensions["authorization"]
    on_check = authorization.on_check

    def count_failures(check: str, failure: str | None) -> None:
        on_check(check, failure)
        if failure is None:
            return
        metrics.count("api_token_checks_failed_total", check)
        served = serving.get()
        if served:
            served.failed_check = check

    authorization.on_check = count_failures
    observe_fetches(app.extensions["keys"], metrics)
    introspection = getattr(authorization.active, "__self__", None)
    if spans and isinstance(introspection, Introspection):
        introspection.call = _with_spans(introspection.call, spans)
    observe_requests(app, metrics, spans, trace_id_of)


def observe_fetches(keys: IssuerKeys, metrics: Metrics, clock: Callable[[], float] = time.time) -> None:
    """Count the fetches of the key set, and keep the time of the last good one."""
    fetch = keys.fetch

    def counted() -> Any:
        outcome = "failed"
        try:
            document = fetch()
            if isinstance(document, dict) and document.get("keys"):
                outcome = "fetched"
                metrics.set("api_key_set_fetched_timestamp_seconds", clock())
        finally:
            metrics.count("api_key_set_fetches_total", outcome)
        return document

    keys.fetch = counted


def _with_spans(call: Callable[..., Any], spans: Spans) -> Callable[..., Any]:
    """Return the call, each time a span with the id that its `traceparent` header names."""

    def called(method: str, url: str, deadline: float, *body_and_headers: Any) -> Any:
        headers = body_and_headers[-1] if body_and_headers else {}
        began = time.time_ns()
        failed = True
        try:
            answer = call(method, url, deadline, *body_and_headers)
            failed = False
        finally:
            served = serving.get()
            if served and served.span and "traceparent" in headers:
                _, trace_id, span_id, _ = headers["traceparent"].split("-")
                span = SpanId(trace_id, span_id, served.span.span_id, served.span.sampled)
                path = urlsplit(url).path
                attributes = {"http.request.method": method, "url.path": path}
                spans.add(
                    "client",
                    f"{method} {path}",
                    span,
                    began=began,
                    ended=time.time_ns(),
                    attributes=attributes,
                    failed=failed,
                )
        return answer

    return called


def collectors(_: Flask) -> list[Collector]:
    """Return nothing: all values are the workers'."""
    return []
