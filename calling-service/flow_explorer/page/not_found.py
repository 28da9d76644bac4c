"""What a browser shows where there is nothing, such as a run that was deleted; programs get a problem."""

from calling_service.problems import http_problem
from flask import Response, request
from werkzeug.exceptions import NotFound

from flow_explorer.page.html import html

TYPES = ("application/problem+json", "text/html")  # the first is for whoever accepts anything


def not_found(error: NotFound) -> Response:
    """Return the page or the problem, whichever the Accept header prefers (RFC 9110 12.5.1)."""
    if request.accept_mimetypes.best_match(TYPES) == "text/html":
        answer = Response(html("not_found.html", {"detail": error.description}), 404)
    else:
        answer = http_problem(error)
    answer.vary.add("Accept")
    return answer
