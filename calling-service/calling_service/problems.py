"""Errors as problem details (RFC 9457).

The same text in all three services, held equal by a test. Not here: the errors of OAuth, which have a form of
their own (RFC 6749 5.2, RFC 6750 3).
"""

import json
from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES


def problem(status: int, detail: str, **members: Any) -> Response:
    """Return a problem document; `members` are added to it."""
    title = HTTP_STATUS_CODES[status]
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return Response(json.dumps(body), status, mimetype="application/problem+json")


def http_problem(error: HTTPException) -> Response:
    """Return the problem document of an HTTP error, with the headers that belong to it (such as Allow)."""
    response = problem(error.code or 500, error.description or "")
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response
