"""Measure what metrics and traces add to a request, in one process (`make bench-telemetry`).

A token request and a read with a remembered token, each beside the same app without telemetry. The spans go
nowhere: what is measured is the request, which makes a span and puts it into the queue.
"""

import base64
import os
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from flask import Flask
from live_stack import CHECKOUT, INVOICES, Stack
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from telemetry.metrics import Metrics
from telemetry.spans import Spans
from telemetry.worker_files import keep_values_in, take_slot

from bench.app_alone import CALLS, ROUNDS, call, compare

Request = tuple[str, str, dict[str, str], bytes]  # method, path, headers of the environ, body
PATHS = [str(CHECKOUT), str(CHECKOUT / "tests-e2e"), str(CHECKOUT / "deploy/observability")]


class Nowhere(SpanExporter):
    """Takes spans, and does nothing."""

    def export(self, _: object) -> SpanExportResult:
        """Return success."""
        return SpanExportResult.SUCCESS


def token_request(secret: str) -> None:
    """Measure a token request, ES256, in the authorization server's environment."""
    wsgi = import_module("auth_server.wsgi")
    create_app = import_module("auth_server.app").create_app
    credentials = base64.b64encode(f"payroll-report:{secret}".encode()).decode()
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "audience": INVOICES}).encode()
    headers = {
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "HTTP_AUTHORIZATION": f"Basic {credentials}",
    }
    _measure("auth-server", lambda: create_app(wsgi.service), ("POST", "/oauth/token", headers, form))


def remembered_read(token: str) -> None:
    """Measure a read with a remembered token, in the API's environment."""
    wsgi = import_module("protected_api.wsgi")
    create_app = import_module("protected_api.app").create_app

    def app() -> Flask:
        made: Flask = create_app(wsgi.settings)
        made.extensions["keys"].refresh()
        return made

    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    _measure("protected-api", app, ("GET", "/timesheets?limit=1", headers, b""))


def _measure(service: str, app: Callable[[], Flask], request: Request) -> None:
    """Compare the app with metrics, then with traces too, with the app as it is."""
    method, path, _, _ = request
    observe = import_module(f"telemetry.{service.replace('-', '_')}").observe
    for what, spans in (("metrics", None), ("metrics and traces", Spans(Nowhere()))):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # in memory
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            keep_values_in(take_slot(Path(folder)))
            observed = app()
            observe(observed, Metrics(service), spans)
            compare(
                f"{method} {path.partition('?')[0]}, {what}", call(observed, *request), call(app(), *request)
            )


def main() -> None:
    """Start a stack for its keys and data, and measure each app in a process with the app's settings."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.environment["EXPLAIN"] = "0"
            stack.make("up")
            print(f"One process, medians of {ROUNDS} rounds of {CALLS} requests, CPU µs", file=sys.stderr)
            print(f"{'':<46} {'with':>8} {'without':>8} {'ratio':>8}", file=sys.stderr)
            for service, measure, credential in (
                ("auth-server", "token_request", stack.secret("payroll-report")),
                ("protected-api", "remembered_read", stack.token("payroll-report")),
            ):
                program = f"import sys; sys.path += {PATHS!r}"
                program += f"; from bench import telemetry; telemetry.{measure}(sys.stdin.read())"
                command = [sys.executable, "stack/local.py", "exec", service, sys.executable, "-c", program]
                subprocess.run(
                    command,
                    check=True,
                    cwd=stack.folder,
                    env=stack.environment,
                    input=credential,
                    text=True,
                    stdout=subprocess.DEVNULL,  # the log
                )
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
