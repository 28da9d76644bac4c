"""Who may talk to this service through a browser: no other site's page, no rebound name (W3C Fetch Metadata).

The Host header must name this service; Sec-Fetch-Site, where a browser sends it, "same-origin" or "none".
"""

import re

from flask import Request

from .problems import ProblemError

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
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise ProblemError(403, "Forbidden", "This request comes from another site's page (Sec-Fetch-Site).")


def require_explain(*, explain: bool) -> None:
    """Raise ProblemError unless the service is told to show the flow."""
    if not explain:
        raise ProblemError(404, "Not Found", "This service does not show the flow; EXPLAIN=1 has it do so.")
