"""Who may talk to this service through a browser: DNS rebinding and other sites' pages are refused.

The Host header must name this service, and Fetch Metadata, where a browser sends it, must say "same-origin" or "none".
"""

import re

from flask import Request

from .problems import Problem

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


def require_known_host(request: Request, allowed: frozenset[str]) -> None:
    """Raise Problem unless the Host header's name, without its port, is allowed."""
    found = HOST.fullmatch(request.headers.get("Host", "").lower())
    if not found or found[1] not in allowed:
        raise Problem(403, "Forbidden", "The Host header names none of this service's names (ALLOWED_HOSTS).")


def require_own_page(request: Request) -> None:
    """Raise Problem for a request that a browser makes for another site's page."""
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise Problem(403, "Forbidden", "This request comes from another site's page (Sec-Fetch-Site).")
