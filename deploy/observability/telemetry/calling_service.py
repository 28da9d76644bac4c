"""What the import job tells: its runs and rows, and the cache hits of its tokens. Its spans: run_spans.py."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from calling_service.logs import trace_id_of
from calling_service.oauth_client.token_source import Token, TokenError, TokenSource
from calling_service.runs.history import History
from calling_service.runs.run import Run
from flask import Flask
from prometheus_client.metrics_core import GaugeMetricFamily

from telemetry.catalogue import named
from telemetry.metrics import Metrics
from telemetry.run_spans import ROWS, Record, RunSpans
from telemetry.served import observe_requests
from telemetry.spans import Spans


def observe(app: Flask, metrics: Metrics, spans: Spans | None) -> None:
    """Observe the requests, the runs and the tokens of this worker; call it before the first run."""
    service = app.extensions["calling-service"]
    service.runner.record = count_runs(service.runner.record, metrics)
    count_uses(service.tokens, metrics)
    if spans:
        runs = RunSpans(spans, service.history)
        service.runner.record = runs.recorded(service.runner.record)
    observe_requests(app, metrics, spans, trace_id_of)


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


class LastSuccess:
    """Reads when a run last completed when it is asked for, from the history, which outlives the process."""

    def __init__(self, history: History) -> None:
        self._history = history

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return nothing before the first, or while the history cannot be read."""
        metric = named("import_last_success_timestamp_seconds")
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
