"""The web application: endpoints, errors, one log line per request, headers that keep browsers strict."""

import logging
import time
from contextlib import ExitStack

from flask import Flask, Response, g, request
from flow_explorer import words
from flow_explorer.meanings import Meaning
from flow_explorer.page import endpoints as page

from calling_service import endpoints, problems, trace
from calling_service.guard import require_known_host
from calling_service.service import Service

log = logging.getLogger("calling_service.requests")

HEALTH = frozenset({"/healthz", "/readyz"})  # asked by whatever name the container has
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app(service: Service) -> Flask:
    """Return the application; it starts nothing by itself."""
    app = Flask("calling_service", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would name the host that the caller names
    app.config["MAX_CONTENT_LENGTH"] = 4096
    app.json.sort_keys = False  # type: ignore[attr-defined]  # a run reads from its id to its exchanges
    app.extensions["calling-service"] = service
    app.jinja_env.filters |= {
        "clock": words.clock,
        "meant": lambda source: Meaning.of("", source),
        "moment": words.moment,
        "duration": words.duration,
        "milliseconds": words.milliseconds,
        "state_notes": words.state_notes,
    }
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(endpoints.blueprint)
    app.register_blueprint(page.blueprint)
    problems.render_problems(app)

    @app.before_request
    def begin() -> None:
        g.started, g.tracing = time.perf_counter(), ExitStack()
        g.tracing.enter_context(trace.tracing(trace.trace_id_of(request.headers.get("traceparent"))))
        if request.path not in HEALTH:
            require_known_host(request, service.settings.allowed_hosts)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers.extend(PAGE_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        level = logging.DEBUG if request.path in HEALTH else logging.INFO
        duration = round((time.perf_counter() - g.started) * 1000, 1)
        event = {"method": request.method, "path": request.path, "status": response.status_code}
        log.log(level, "request", extra={**event, "duration_ms": duration})
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        g.tracing.close()

    return app
