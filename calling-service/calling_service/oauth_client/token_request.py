"""The calls of an authorization server, and the checks of its answers (RFC 6749 5, RFC 8414 3).

Not here: what a token request sends, and the cache of tokens (token_source.py).
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

LONGEST_RETRY_AFTER = 300.0  # seconds; a server that asks for more is asked again after these
ACCESS_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 2.1


@dataclass(eq=False)
class TokenError(Exception):
    """No token can be had: an error code and a sentence."""

    error: str
    description: str
    status: int | None = None  # of HTTP
    retry_after: float = 0  # seconds in which no call is sent

    def __str__(self) -> str:
        return f"{self.error}: {self.description}"


def fetch_json(
    session: requests.Session, method: str, url: str, credential: str = "", **options: Any
) -> dict[str, Any]:
    """Return the JSON object of a 200; else raise TokenError (RFC 6749 5.2), with the credential masked."""
    try:
        # No redirect is followed: it could lead a credential to another host.
        response = session.request(method, url, allow_redirects=False, **options)
    except requests.RequestException as error:
        raise TokenError("unreachable", f"{url} did not answer ({type(error).__name__})") from error
    body: object = None
    with suppress(ValueError, RecursionError):
        body = response.json()
    if not isinstance(body, dict):
        body = {}
    if response.status_code == 200 and body:
        return body
    code = _printable(body.get("error", ""), credential) or "bad_response"
    description = _printable(body.get("error_description", ""), credential)
    description = description or f"HTTP {response.status_code} without a usable body"
    raise TokenError(code, description, response.status_code, _retry_after(response))


def find_token_endpoint(session: requests.Session, issuer: str, timeout: tuple[float, float]) -> str:
    """Return the token endpoint from the issuer's metadata (RFC 8414); raise TokenError."""
    parts = urlsplit(issuer)
    # RFC 8414 3.1: the well-known path stands before the issuer's own.
    path = "/.well-known/oauth-authorization-server" + parts.path.rstrip("/")
    metadata = fetch_json(session, "GET", parts._replace(path=path).geturl(), timeout=timeout)
    endpoint = str(metadata.get("token_endpoint"))
    # RFC 8414 3.3: metadata counts only if it names the issuer that it was asked for.
    if metadata.get("issuer") != issuer or not endpoint.startswith(("https:", f"{parts.scheme}:")):
        raise TokenError("bad_metadata", f"the metadata is not {issuer}'s, or has no token_endpoint")
    return endpoint


def check_token_response(
    body: Mapping[str, Any], requested: frozenset[str]
) -> tuple[str, frozenset[str], float]:
    """Return access token, scopes and lifetime in seconds; raise TokenError, also if a scope is missing."""
    access_token = body.get("access_token")
    if not isinstance(access_token, str) or not ACCESS_TOKEN.fullmatch(access_token):
        raise TokenError("bad_response", "the token response has no usable access_token")
    if str(body.get("token_type")).lower() != "bearer":
        raise TokenError("bad_response", "the token response's token_type is not Bearer")
    expires_in: Any = body.get("expires_in")
    if type(expires_in) not in {int, float} or not 0 < expires_in < 1e9:
        raise TokenError("bad_response", "the token response's expires_in is not a number of seconds")
    scope = body.get("scope")  # RFC 6749 5.1: it may be absent if it is what was requested
    scopes = frozenset(scope.split()) if isinstance(scope, str) else requested
    missing = " ".join(sorted(requested - scopes))
    if missing:
        raise TokenError("missing_scope", f"the token lacks the scope {missing}")
    return access_token, scopes, expires_in


def _printable(value: object, credential: str) -> str:
    text = re.sub("[^ -~]", "", str(value))
    text = text.replace(credential or "\n", "***")  # no text has a line end by now
    return text[:300]


def _retry_after(response: requests.Response) -> float:
    seconds = response.headers.get("Retry-After", "")
    return min(float(seconds), LONGEST_RETRY_AFTER) if seconds.isdecimal() else 0
