"""Answer what no endpoint answers: unknown paths, other methods, failures (RFC 6749 5.2, RFC 9457)."""

import json
import logging

from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError

from auth_server.errors import (
    InvalidRequestError,
    ProtocolError,
    ServerError,
    TemporarilyUnavailableError,
    render,
)

log = logging.getLogger(__name__)


def answer_failures(app: Flask, realm: str) -> None:
    """Register the handlers; what is unforeseen is logged by Flask, with its traceback."""

    def http_error(error: HTTPException) -> Response:
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        if isinstance(error, InternalServerError):
            return _answer(ServerError(), realm)
        return _answer(InvalidRequestError(f"{error.name}.", status=error.code, headers=headers), realm)

    def database_error(error: SQLAlchemyError) -> Response:
        log.error("database unusable", exc_info=error)
        return _answer(
            TemporarilyUnavailableError(reason="database unusable", headers={"Retry-After": "5"}), realm
        )

    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(SQLAlchemyError, database_error)


def _answer(error: ProtocolError, realm: str) -> Response:
    if request.path.startswith("/oauth/"):
        return render(error, realm)
    title = error.description.rstrip(".")
    problem = json.dumps({"title": title, "status": error.status_code})
    return Response(problem, error.status_code, error.headers, content_type="application/problem+json")
