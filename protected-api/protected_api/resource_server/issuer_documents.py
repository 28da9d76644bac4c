"""Fetch an issuer's key set (RFC 7517 5) and metadata (RFC 8414 3). Not here: when (issuer_keys.py)."""

import time
from typing import Any
from urllib.parse import urlsplit

from .json_over_http import TIMEOUT, Call

WELL_KNOWN = "/.well-known/oauth-authorization-server"
OPENID_WELL_KNOWN = "/.well-known/openid-configuration"


def fetch_key_set(issuer: str, jwks_uri: str | None, call: Call) -> Any:
    """Return the issuer's JWK set within TIMEOUT seconds; raise OSError or ValueError."""
    deadline = time.monotonic() + TIMEOUT
    url = jwks_uri or find_endpoint(issuer, "jwks_uri", deadline, call)
    return _fetch(url, deadline, call)


def find_endpoint(issuer: str, member: str, deadline: float, call: Call) -> str:
    """Return the URL that this member of the issuer's metadata has; raise OSError or ValueError."""
    path = urlsplit(issuer).path
    host = issuer.removesuffix(path)
    path = path.rstrip("/")
    try:
        # RFC 8414 3.1: the well-known part goes between the host and the issuer's path.
        metadata = _metadata(f"{host}{WELL_KNOWN}{path}", issuer, deadline, call)
    except ValueError as missing:
        # OpenID Connect Discovery 4: it goes behind the path. Some servers publish only that document.
        try:
            metadata = _metadata(f"{host}{path}{OPENID_WELL_KNOWN}", issuer, deadline, call)
        except ValueError as failure:
            raise ValueError(f"{missing}; as OpenID has it: {failure}") from failure
    url = metadata.get(member)
    if not isinstance(url, str) or urlsplit(url).scheme not in {"https", urlsplit(issuer).scheme}:
        raise ValueError(f"the metadata names no usable {member}")
    return url


def _metadata(url: str, issuer: str, deadline: float, call: Call) -> dict[str, Any]:
    metadata = _fetch(url, deadline, call)
    if not isinstance(metadata, dict) or metadata.get("issuer") != issuer:
        raise ValueError("the metadata is of another issuer")  # RFC 8414 3.3
    return metadata


def _fetch(url: str, deadline: float, call: Call) -> Any:
    try:
        return call("GET", url, deadline)
    except OSError as failure:
        raise OSError(f"{url}: {failure}") from failure
    except ValueError as failure:
        raise ValueError(f"{url}: {failure}") from failure
