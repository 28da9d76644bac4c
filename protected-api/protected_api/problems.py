"""Errors of the API as problem documents, RFC 9457. Not here: refusals of a token (authorization.py)."""

import json
import sqlite3
from typing import Any

from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES


def problem(status: int, detail: str, **members: Any) -> Response:
    """Return a problem document, `members` added."""
    title = HTTP_STATUS_CODES[status]
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def register_problems(app: Flask) -> None:
    """Answer every error of `app` with JSON that says nothing of internals."""
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(sqlite3.OperationalError, _database_unavailable)


def _http_problem(error: HTTPException) -> Response:
    response = problem(error.code or 500, error.description or "")
    for name, value in error.get_headers():
        if name != "Content-Type":  # Allow, Retry-After
            response.headers[name] = value
    return response


def _database_unavailable(error: sqlite3.OperationalError) -> Response:
    # Locked for longer than the time-out, or the disk is full: the caller may try again, the log says why.
    current_app.logger.error("database unavailable", exc_info=error)
    response = problem(503, "The database is not available.")
    response.headers["Retry-After"] = "2"
    return response
