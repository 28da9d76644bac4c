"""The answers to unknown paths, wrong methods and failures (RFC 6749 5.2, RFC 9457)."""

import logging

from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from auth_server.endpoints.oauth_answers import refusal
from auth_server.errors import InvalidRequestError, ProtocolError, ServerError, TemporarilyUnavailableError
from auth_server.problems import http_problem

RETRY_AFTER = 5  # seconds
log = logging.getLogger(__name__)


def answer_failures(app: Flask, realm: str) -> None:
    """Answer them as OAuth errors below /oauth/, and as problem documents elsewhere."""

    def http_error(error: HTTPException) -> Response:
        if not request.path.startswith("/oauth/"):
            return http_problem(error)
        return refusal(_protocol_error(error), realm)

    def database_error(error: SQLAlchemyError) -> Response:
        log.error("the database cannot be used", exc_info=error)
        return http_error(ServiceUnavailable(retry_after=RETRY_AFTER))

    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(SQLAlchemyError, database_error)


def _protocol_error(error: HTTPException) -> ProtocolError:
    """Return the OAuth error for an HTTP error; Flask has logged an unforeseen one with its traceback."""
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    if isinstance(error, InternalServerError):
        return ServerError()
    if isinstance(error, ServiceUnavailable):
        return TemporarilyUnavailableError(reason="the database cannot be used", headers=headers)
    return InvalidRequestError(f"{error.name}.", status=error.code, headers=headers)
