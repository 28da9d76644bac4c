"""The web application: endpoints, problem answers, headers that keep browsers strict."""

import logging

from flask import Flask, Response, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

from calling_service import endpoints
from calling_service.guard import require_known_host
from calling_service.problems import http_problem, problem
from calling_service.request_log import PROBES, RequestLog
from calling_service.service import Service

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
log = logging.getLogger(__name__)


def create_app(service: Service) -> Flask:
    """Return the application; it starts nothing by itself."""
    app = Flask("calling_service", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would name the host that the caller names
    app.config["MAX_CONTENT_LENGTH"] = 4096
    app.json.sort_keys = False  # type: ignore[attr-defined]  # a run reads from its id to its exchanges
    app.extensions["calling-service"] = service
    app.register_blueprint(endpoints.blueprint)
    if service.explorer:
        service.explorer.install(app)
    else:
        app.register_blueprint(endpoints.without_explorer)
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(ParseException, _malformed_body)
    app.register_error_handler(Exception, _unexpected)

    @app.before_request
    def refuse_unknown_hosts() -> None:
        if request.path not in PROBES:  # which come under any name that the container has
            require_known_host(request, service.settings.allowed_hosts)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.extend(PAGE_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _malformed_body(_error: ParseException) -> Response:
    # Of a chunked body; gunicorn's own message would carry parts of the body into the log.
    return problem(400, "The body is malformed.")


def _unexpected(error: Exception) -> Response:
    log.error("request failed", exc_info=error)
    return problem(500, "The service's log says more, by this request's trace id.")
