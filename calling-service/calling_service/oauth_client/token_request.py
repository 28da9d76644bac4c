"""The calls of an authorization server, and the checks of its answers (RFC 6749 5, RFC 8414 3).

Not here: how a client authenticates, and the cache of tokens (token_source.py).
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests

from .retry import SECONDS, retry_after

LONGEST_RETRY_AFTER = 300.0  # seconds; a server that asks for more is asked again after these
LONGEST_LIFE = 1e10  # seconds; WSO2 says more of a token that never expires
# RFC 6750 2.1 allows fewer characters, but servers issue others: Salesforce a "!", Laravel a "|". No visible
# character ends a header.
ACCESS_TOKEN = re.compile("[!-~]+")
TOKEN_TYPES = {"Bearer": ("bearer", "bearertoken"), "DPoP": ("dpop",)}  # Apigee's word is BearerToken
Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]  # as requests wants it
Form = dict[str, str]
WORDS = ("error_description", "errorSummary", "message", "detail")  # RFC 6749, Okta, gateways, RFC 9457


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
    # No connection is kept for a call minutes later: it would be dead after the host has slept, and a forked
    # process would share it. Without `verify`, requests would prefer REQUESTS_CA_BUNDLE to the session's.
    options |= {"headers": {"Connection": "close"}, "verify": session.verify}
    try:
        # No redirect is followed: it could lead a credential to another host.
        response = session.request(method, url, allow_redirects=False, **options)
    except (requests.RequestException, ValueError) as error:  # the second for a chunk of a size below 0
        raise TokenError("unreachable", f"{url} did not answer ({type(error).__name__})") from error
    body = _json_object(response)
    if response.status_code == 200 and body and not body.get("error"):
        return body
    raise _refusal(response, body, credential)


def grant_form(audience_parameter: str, audience: str, scopes: Iterable[str]) -> Form:
    """Return the parameters of the client credentials grant (RFC 6749 4.4.2), without the empty ones."""
    form = {"grant_type": "client_credentials", audience_parameter: audience}
    form["scope"] = " ".join(sorted(scopes))
    return {name: value for name, value in form.items() if value}


def find_token_endpoint(
    session: requests.Session, issuer: str, timeout: tuple[float, float], mtls: bool = False
) -> str:
    """Return the token endpoint from the issuer's metadata (RFC 8414); raise TokenError.

    With `mtls`, it is the one for clients with a TLS certificate, if there is one of its own (RFC 8705 5).
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    # RFC 8414 3.1: the well-known path stands before the issuer's own.
    url = parts._replace(path=f"/.well-known/oauth-authorization-server{path}").geturl()
    try:
        metadata = fetch_json(session, "GET", url, timeout=timeout)
    except TokenError as missing:
        if missing.status is None or missing.status >= 429:
            raise
        # OpenID Connect Discovery 4: it stands behind it. Many servers publish only that document.
        url = parts._replace(path=f"{path}/.well-known/openid-configuration").geturl()
        metadata = fetch_json(session, "GET", url, timeout=timeout)
    aliases = metadata.get("mtls_endpoint_aliases")
    alias = aliases.get("token_endpoint") if mtls and isinstance(aliases, dict) else None
    endpoint = str(alias or metadata.get("token_endpoint"))
    # RFC 8414 3.3: metadata counts only if it names the issuer that it was asked for.
    if metadata.get("issuer") != issuer or not endpoint.startswith(("https:", f"{parts.scheme}:")):
        raise TokenError("bad_metadata", f"the metadata is not {issuer}'s, or has no token_endpoint")
    return endpoint


def check_token_response(
    body: Mapping[str, Any], requested: frozenset[str], default_life: float, wanted_type: str
) -> tuple[str, frozenset[str], float]:
    """Return access token, scopes and life in seconds; raise TokenError, also if a scope is missing."""
    access_token = body.get("access_token")
    if not isinstance(access_token, str) or not ACCESS_TOKEN.fullmatch(access_token):
        raise TokenError("bad_response", "the token response has no usable access_token")
    # RFC 6749 5.1 requires it, but Shopify and LinkedIn leave it out; other types than Bearer have a name.
    token_type = body.get("token_type") or "Bearer"
    if str(token_type).lower() not in TOKEN_TYPES[wanted_type]:
        raise TokenError("bad_response", f"the token response's token_type is not {wanted_type}")
    life = _life(body.get("expires_in"), default_life)
    scope = body.get("scope")  # RFC 6749 5.1: it may be absent if it is what was requested
    scopes = frozenset(scope.split()) if isinstance(scope, str) else requested
    missing = " ".join(sorted(requested - scopes))
    if missing:
        raise TokenError("missing_scope", f"the token lacks the scope {missing}")
    return access_token, scopes, life


def _life(expires_in: object, default_life: float) -> float:
    """Return the life in seconds; RFC 6749 5.1 lets a server leave it out, as Salesforce does."""
    if expires_in is None:
        return default_life
    text = str(expires_in)  # Entra's v1 endpoint and Apigee send it as a string
    if not SECONDS.fullmatch(text) or not float(text):
        raise TokenError("bad_response", "the token response's expires_in is not a number of seconds above 0")
    return min(float(text), LONGEST_LIFE)


def _json_object(response: requests.Response) -> dict[str, Any]:
    # JSON is Unicode (RFC 8259 8.1), whatever the charset of the media type and with or without a mark.
    with suppress(ValueError, RecursionError):
        body = json.loads(response.content)
        if isinstance(body, dict):
            return body
    return {}


def _refusal(response: requests.Response, body: Mapping[str, Any], credential: str) -> TokenError:
    """Return the error in the server's words (RFC 6749 5.2), which may be those of a gateway before it."""
    code = body.get("error")
    if isinstance(code, dict):  # with the words inside, as Google's APIs send it
        body = code
        code = None
    words = next((body[name] for name in WORDS if body.get(name)), "")
    # AWS's gateway repeats the whole Authorization header.
    sent = response.request.headers.get("Authorization", "").rpartition(" ")[2]
    masked = sorted({credential, quote_plus(credential), sent} - {""}, key=len, reverse=True)
    error = _printable(code or "", masked) or "bad_response"
    description = _printable(words, masked) or f"HTTP {response.status_code} without a usable body"
    pause = min(retry_after(response.headers, time.time()), LONGEST_RETRY_AFTER)
    return TokenError(error, description, response.status_code, pause)


def _printable(value: object, masked: Iterable[str]) -> str:
    text = str(value)
    for credential in masked:
        text = text.replace(credential, "***")
    return re.sub("[^ -~]", "", text)[:300]
