"""The spans of the import job: a run, and each of its exchanges, which are recorded without credentials."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from calling_service.runs.history import History
from calling_service.runs.run import Run

from telemetry.harmless import harmless
from telemetry.served import serving
from telemetry.spans import SpanId, Spans

Record = Callable[[Run], AbstractContextManager[None]]
ROWS = ("booked", "unchanged", "rejected")


class RunSpans:
    """Makes each run a span, and each exchange of it."""

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
            span = SpanId(run.trace_id, secrets.token_hex(8), self._parents.pop(run.id, ""))
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
        self._add_span(run_id, exchange)

    @harmless
    def _add_span(self, run_id: str, exchange: dict[str, Any]) -> None:
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
