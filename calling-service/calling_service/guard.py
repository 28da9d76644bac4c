"""Checks of a request that a browser may send: not for another site's page, nor for a rebound host name.

The Host header must name this service. Sec-Fetch-Site (W3C Fetch Metadata) must be "same-origin" or "none";
if only Origin is sent, it must name the same host. A body must be complete.
"""

import re

from flask import Request
from werkzeug.exceptions import BadRequest, Forbidden

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


def require_known_host(request: Request, allowed: frozenset[str]) -> None:
    """Raise Forbidden unless the Host header's name, without its port, is allowed."""
    found = HOST.fullmatch(request.headers.get("Host", "").lower())
    if not found or found[1] not in allowed:
        raise Forbidden("The Host header is not a name of this service (ALLOWED_HOSTS).")


def require_own_page(request: Request) -> None:
    """Raise Forbidden for a request that a browser makes for another site's page."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in {"same-origin", "none", None}:
        raise Forbidden("This request comes from another site's page (Sec-Fetch-Site).")
    if origin is None or site is not None:
        return
    if origin.partition("://")[2].lower() != request.headers.get("Host", "").lower():
        raise Forbidden("This request comes from another site's page (Origin).")


def require_whole_body(request: Request) -> None:
    """Raise BadRequest for a body that was cut off: the missing part might have changed its meaning."""
    announced = request.content_length or 0
    if len(request.get_data()) < announced:
        raise BadRequest("The body is shorter than its Content-Length.")
