"""Fetch the issuer's key set (RFC 7517 5), and its metadata (RFC 8414 3) where nothing else names the set.

Not here: when to fetch, and which keys are usable (issuer_keys.py); how to call (json_over_http.py).
"""

import time
from typing import Any
from urllib.parse import urlsplit

from .json_over_http import TIMEOUT, Call

WELL_KNOWN = "/.well-known/oauth-authorization-server"


def fetch_key_set(issuer: str, jwks_uri: str | None, call: Call) -> Any:
    """Return the issuer's JWK set; raise OSError or ValueError if it cannot be had in TIMEOUT seconds."""
    deadline = time.monotonic() + TIMEOUT
    return call("GET", jwks_uri or find_endpoint(issuer, "jwks_uri", deadline, call), deadline)


def find_endpoint(issuer: str, member: str, deadline: float, call: Call) -> str:
    """Return the URL that the issuer's metadata have for this member; raise OSError or ValueError."""
    # RFC 8414 3.1: the well-known part goes between the host and the issuer's path.
    origin, path = issuer[: len(issuer) - len(urlsplit(issuer).path)], urlsplit(issuer).path.rstrip("/")
    metadata = call("GET", f"{origin}{WELL_KNOWN}{path}", deadline)
    if not isinstance(metadata, dict) or metadata.get("issuer") != issuer:
        raise ValueError("the metadata is of another issuer")  # RFC 8414 3.3
    url = metadata.get(member)
    schemes = ("https", "http") if issuer.startswith("http://") else ("https",)
    if not isinstance(url, str) or urlsplit(url).scheme not in schemes:
        raise ValueError(f"the metadata names no usable {member}")
    return url
