"""What the import job tells: its runs and rows, the cache hits of its tokens, its calls to both servers."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from calling_service.logs import trace_id_of
from calling_service.oauth_client.token_source import Token, TokenError, TokenSource
from calling_service.runs.history import History
from calling_service.runs.run import Run
from flask import Flask
from prometheus_client.metrics_core import GaugeMetricFamily

from telemetry.catalogue import METRICS
from telemetry.metrics import Metrics
from telemetry.served import continued, observe_requests, serving
from telemetry.spans import SpanId, Spans

ROWS = ("booked", "unchanged", "rejected")


def observe(app: Flask, metrics: Metrics, spans: Spans | None) -> None:
    """Observe the requests, the runs and the tokens of this worker; call it before the first run."""
    service = app.extensions["calling-service"]
    service.runner.record = count_runs(service.runner.record, metrics)
    count_uses(service.tokens, metrics)
    if spans:
        runs = RunSpans(spans, service.history)
        service.runner.record = runs.recorded(service.runner.record)
    observe_requests(app, metrics, spans, trace_id_of)


Record = Callable[[Run], AbstractContextManager[None]]


def count_runs(record: Record, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> Record:
    """Return the context of a run, which counts the run at its end."""

    @contextmanager
    def counted(run: Run) -> Iterator[None]:
        began = clock()
        with record(run):
            yield
        metrics.measure("import_run_duration_seconds", clock() - began, run.state)
        for outcome in ROWS:
            metrics.count("import_rows_total", outcome, amount=getattr(run.report, outcome))

    return counted


def count_uses(tokens: TokenSource, metrics: Metrics) -> None:
    """Count from where each token comes that the job needs."""
    get = tokens.get

    def counted(audience: str, scopes: Iterable[str]) -> Token:
        held = tokens.peek(audience, scopes)
        try:
            token = get(audience, scopes)
        except TokenError:
            metrics.count("token_source_uses_total", "failed")
            raise
        outcome = "cached" if token is held else "requested"
        metrics.count("token_source_uses_total", outcome)
        return token

    tokens.get = counted  # type: ignore[method-assign]


class RunSpans:
    """Makes each run a span, and each recorded exchange of it: these are without credentials already."""

    def __init__(self, spans: Spans, history: History) -> None:
        self._spans = spans
        self._parents: dict[str, str] = {}  # by run: the span of the request that started it
        self._running: dict[str, SpanId] = {}
        self._save = history.save
        self._add = history.add
        history.save = self._saved  # type: ignore[method-assign]
        history.add = self._added  # type: ignore[method-assign]

    def recorded(self, record: Record) -> Record:
        """Return the context of a run, which is a span at its end."""

        @contextmanager
        def spanned(run: Run) -> Iterator[None]:
            began = time.time_ns()
            new = continued(f"00-{run.trace_id}-{'0' * 16}-01", lambda _: run.trace_id)
            span = SpanId(new.trace_id, new.span_id, self._parents.pop(run.id, ""))
            self._running[run.id] = span
            with record(run):
                yield
            del self._running[run.id]
            rows = {f"rows.{outcome}": getattr(run.report, outcome) for outcome in ROWS}
            attributes = {"run.id": run.id, "run.trigger": run.trigger, "run.state": run.state, **rows}
            self._spans.add(
                "internal",
                "import",
                span,
                began=began,
                ended=time.time_ns(),
                attributes=attributes,
                failed=run.state == "failed",
            )

        return spanned

    def _saved(self, run: Run) -> None:
        """Save; a run that a request starts is saved first in the thread of that request."""
        served = serving.get()
        if served and served.span and served.span.trace_id == run.trace_id and not run.case:
            self._parents[run.id] = served.span.span_id
        self._save(run)

    def _added(self, run_id: str, exchange: dict[str, Any]) -> None:
        self._add(run_id, exchange)
        run = self._running.get(run_id)  # a case of the gallery is no run of the import
        sent = dict(exchange["request"]["headers"]).get("traceparent", "")
        if not run or run.trace_id not in sent:
            return
        span = SpanId(run.trace_id, sent.split("-")[2], run.span_id)
        began = int(datetime.fromisoformat(exchange["started_at"]).timestamp() * 1e9)
        path = urlsplit(exchange["url"]).path
        attributes: dict[str, str | int] = {"http.request.method": exchange["method"], "url.path": path}
        status = exchange["status"]
        if status is not None:
            attributes["http.response.status_code"] = status
        self._spans.add(
            "client",
            f"{exchange['method']} {path}",
            span,
            began=began,
            ended=began + int(exchange["elapsed"] * 1e9),
            attributes=attributes,
            failed=status is None or status >= 400,
        )


class LastSuccess:
    """Reads when a run last completed when it is asked for, from the history, which outlives the process."""

    def __init__(self, history: History) -> None:
        self._history = history

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return nothing before the first, or while the history cannot be read."""
        (metric,) = (metric for metric in METRICS if metric.name == "import_last_success_timestamp_seconds")
        try:
            runs = self._history.recent()
        except sqlite3.Error:
            return
        ends = [run.ended_at for run in runs if run.ended_at and run.state == "completed" and not run.case]
        if ends:
            yield GaugeMetricFamily(metric.name, metric.meaning, value=max(ends).timestamp())


def collectors(app: Flask) -> list[LastSuccess]:
    """Return what is read when it is asked for."""
    return [LastSuccess(app.extensions["calling-service"].history)]
