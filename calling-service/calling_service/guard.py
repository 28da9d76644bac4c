"""Who may talk to this service through a browser: no other site's page, no rebound name (W3C Fetch Metadata).

The Host header must name this service; Sec-Fetch-Site be "same-origin" or "none", or Origin, where that alone
is sent, name the same host. What a request asks for has to have come whole.
"""

import re
from urllib.parse import urlsplit

from flask import Request

from calling_service.problems import ProblemError

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


def require_known_host(request: Request, allowed: frozenset[str]) -> None:
    """Raise ProblemError unless the Host header's name, without its port, is allowed."""
    found = HOST.fullmatch(request.headers.get("Host", "").lower())
    if not found or found[1] not in allowed:
        raise ProblemError(
            403, "Forbidden", "The Host header names none of this service's names (ALLOWED_HOSTS)."
        )


def require_own_page(request: Request) -> None:
    """Raise ProblemError for a request that a browser makes for another site's page."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in {"same-origin", "none", None}:
        raise ProblemError(403, "Forbidden", "This request comes from another site's page (Sec-Fetch-Site).")
    if site is None and origin is not None and _host(origin) != request.headers.get("Host", "").lower():
        raise ProblemError(403, "Forbidden", "This request comes from another site's page (Origin).")


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def require_whole_body(request: Request) -> None:
    """Raise ProblemError for a body that was cut off: what is missing might have changed what it asks for."""
    if len(request.get_data()) < (request.content_length or 0):
        raise ProblemError(400, "Bad Request", "The body is shorter than its Content-Length.")


def require_explain(*, explain: bool) -> None:
    """Raise ProblemError unless the service is told to show the flow."""
    if not explain:
        raise ProblemError(404, "Not Found", "This service does not show the flow; EXPLAIN=1 has it do so.")
