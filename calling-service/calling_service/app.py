"""The web application: endpoints, errors, one log line per request, headers that keep browsers strict."""

import logging
import time
from contextlib import ExitStack

from flask import Flask, Response, g, request

from . import endpoints, problems, trace, words
from .service import Service

log = logging.getLogger("calling_service.requests")

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(service: Service) -> Flask:
    """Return the application; it starts nothing by itself."""
    app = Flask("calling_service")
    app.config["MAX_CONTENT_LENGTH"] = 4096
    app.json.sort_keys = False  # type: ignore[attr-defined]  # a run reads from its id to its exchanges
    app.extensions["calling-service"] = service
    app.jinja_env.filters |= {"moment": words.moment, "duration": words.duration}
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(endpoints.blueprint)
    problems.render_problems(app)

    @app.before_request
    def begin() -> None:
        g.started, g.tracing = time.perf_counter(), ExitStack()
        g.tracing.enter_context(trace.tracing(trace.trace_id_of(request.headers.get("traceparent"))))

    @app.after_request
    def end(response: Response) -> Response:
        response.headers.extend(PAGE_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        level = logging.DEBUG if request.path in {"/healthz", "/readyz"} else logging.INFO
        duration = round((time.perf_counter() - g.started) * 1000, 1)
        event = {"method": request.method, "path": request.path, "status": response.status_code}
        log.log(level, "request", extra={**event, "duration_ms": duration})
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        g.tracing.close()

    return app
