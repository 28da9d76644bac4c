"""Fetch an issuer's key set (RFC 7517 5) and metadata (RFC 8414 3). Not here: when (issuer_keys.py)."""

import time
from typing import Any
from urllib.parse import urlsplit

from .json_over_http import TIMEOUT, Call

WELL_KNOWN = "/.well-known/oauth-authorization-server"


def fetch_key_set(issuer: str, jwks_uri: str | None, call: Call) -> Any:
    """Return the issuer's JWK set within TIMEOUT seconds; raise OSError or ValueError."""
    deadline = time.monotonic() + TIMEOUT
    url = jwks_uri or find_endpoint(issuer, "jwks_uri", deadline, call)
    return call("GET", url, deadline)


def find_endpoint(issuer: str, member: str, deadline: float, call: Call) -> str:
    """Return the URL that this member of the issuer's metadata has; raise OSError or ValueError."""
    # RFC 8414 3.1: the well-known part goes between the host and the issuer's path.
    path = urlsplit(issuer).path
    metadata = call("GET", issuer.removesuffix(path) + WELL_KNOWN + path.rstrip("/"), deadline)
    if not isinstance(metadata, dict) or metadata.get("issuer") != issuer:
        raise ValueError("the metadata is of another issuer")  # RFC 8414 3.3
    url = metadata.get(member)
    if not isinstance(url, str) or urlsplit(url).scheme not in {"https", urlsplit(issuer).scheme}:
        raise ValueError(f"the metadata names no usable {member}")
    return url
