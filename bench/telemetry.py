"""Measure what metrics and traces add to a request, in one process (`make bench-telemetry`).

A token request and a read with a remembered token, each beside the same app without telemetry. The spans go
nowhere: what is measured is the request, which makes a span and puts it into the queue.
"""

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from flask import Flask
from live_stack import CHECKOUT
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from telemetry.metrics import Metrics
from telemetry.spans import Spans
from telemetry.worker_files import keep_values_in, take_slot

from bench.in_process import Request, call, compare, es256_token_request, measure_both, read


class Nowhere(SpanExporter):
    """Takes spans, and does nothing."""

    def export(self, _: object) -> SpanExportResult:
        """Return success."""
        return SpanExportResult.SUCCESS


def token_request(secret: str) -> None:
    """Measure a token request, ES256, in the authorization server's environment."""
    wsgi = import_module("auth_server.wsgi")
    create_app = import_module("auth_server.app").create_app
    _measure("auth-server", lambda: create_app(wsgi.service), es256_token_request(secret))


def remembered_read(token: str) -> None:
    """Measure a read with a remembered token, in the API's environment."""
    wsgi = import_module("protected_api.wsgi")
    create_app = import_module("protected_api.app").create_app

    def app() -> Flask:
        made: Flask = create_app(wsgi.settings)
        made.extensions["keys"].refresh()
        return made

    _measure("protected-api", app, read(token))


def _measure(service: str, app: Callable[[], Flask], request: Request) -> None:
    """Compare the app with metrics, then with traces too, with the app as it is."""
    method, path, *_ = request
    name = f"{method} {path.partition('?')[0]}"
    observe = import_module(f"telemetry.{service.replace('-', '_')}").observe
    for what, spans in (("metrics", None), ("metrics and traces", Spans(Nowhere()))):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # in memory
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            keep_values_in(take_slot(Path(folder)))
            observed = app()
            observe(observed, Metrics(service), spans)
            compare(f"{name}, {what}", call(observed, *request), call(app(), *request))


if __name__ == "__main__":
    measure_both("telemetry", "with", "without", CHECKOUT / "deploy/observability")
