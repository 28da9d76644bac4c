"""Errors of the HTTP endpoints as problem details (RFC 9457), rendered in one place."""

import logging

from flask import Flask, Response, jsonify
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

log = logging.getLogger(__name__)


class ProblemError(Exception):
    """A refusal: status, title, and a sentence on what to do otherwise."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


def render_problems(app: Flask) -> None:
    """Make the app answer every error with a problem document."""

    @app.errorhandler(ProblemError)
    def problem(error: ProblemError) -> Response:
        return _document(error.status, error.title, error.detail)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = _document(error.code or 500, error.name, error.description or error.name)
        for name, value in error.get_headers():
            if name.lower() not in {"content-type", "content-length"}:
                response.headers[name] = value
        return response

    @app.errorhandler(ParseException)
    def malformed_body(_error: ParseException) -> Response:
        # Of a chunked body; left alone, gunicorn's message would take parts of the body to the log.
        return _document(400, "Bad Request", "The body is malformed.")

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("request failed", exc_info=error)
        return _document(
            500, "Internal Server Error", "The service's log says more, by this request's trace id."
        )


def _document(status: int, title: str, detail: str) -> Response:
    response = jsonify(title=title, status=status, detail=detail)
    response.status_code, response.mimetype = status, "application/problem+json"
    return response
