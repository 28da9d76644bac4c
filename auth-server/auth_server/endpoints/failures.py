"""The answers to unknown paths, wrong methods and failures (RFC 6749 5.2, RFC 9457)."""

import logging

from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from auth_server.endpoints.oauth_http import refusal
from auth_server.errors import InvalidRequestError, ServerError, TemporarilyUnavailableError
from auth_server.problems import http_problem

RETRY_AFTER = 5  # seconds
log = logging.getLogger(__name__)


def answer_failures(app: Flask, realm: str, issuer_path: str) -> None:
    """Answer them as OAuth errors below /oauth/ of the issuer, and as problem documents elsewhere."""
    oauth = issuer_path + "/oauth/"

    def http_error(error: HTTPException) -> Response:
        if not request.path.startswith(oauth):
            return http_problem(error)
        if isinstance(error, InternalServerError):  # Flask has logged it with its traceback
            return refusal(ServerError(), realm)
        allow = {name: value for name, value in error.get_headers() if name == "Allow"}
        return refusal(InvalidRequestError(f"{error.name}.", status=error.code, headers=allow), realm)

    def database_error(error: SQLAlchemyError) -> Response:
        reason = "the database cannot be used"
        log.error(reason, exc_info=error)
        if not request.path.startswith(oauth):
            return http_problem(ServiceUnavailable(retry_after=RETRY_AFTER))
        headers = {"Retry-After": str(RETRY_AFTER)}
        return refusal(TemporarilyUnavailableError(reason=reason, headers=headers), realm)

    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(SQLAlchemyError, database_error)
