"""What the OAuth endpoints share: receiving a request, answering it, refusing it (RFC 6749 5)."""

import ipaddress
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Request, Response, g, request

from auth_server.dpop_nonces import NonceKeyError
from auth_server.errors import InvalidRequestError, ProtocolError, TemporarilyUnavailableError
from auth_server.keys.signing_keys import NoSigningKeyError
from auth_server.lean_flask import WholeResponse
from auth_server.protocol.misspelt_parameters import misspelt
from auth_server.protocol.oauth_request import OAuthRequest, read_request
from auth_server.request_log import decided, noted
from auth_server.server_timing import checking, failed
from auth_server.settings import Networks

# Shorter than a generated secret, which people do paste in the wrong place.
_LOGGABLE_CLIENT_ID = re.compile(r"[\x20-\x7e]{1,40}")
_LOGGABLE_SCOPE = re.compile(r"[!-~]{1,40}( [!-~]{1,40}){0,19}")
_LOGGABLE_TARGET = re.compile(r"[a-z]+:[!->A-~]{1,200}")  # neither user information nor a query
# RFC 8941 3.3.5; two headers arrive joined by a comma, and are none.
_SF_BINARY = re.compile(r":((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?):")

Headers = Sequence[tuple[str, str]]
Receive = Callable[[], OAuthRequest]


def receive(trusted_proxies: Networks, refuse_misspelt: bool, mtls: bool = False) -> OAuthRequest:
    """Return the current request, and keep it in `g` for the log of a refusal; raise InvalidRequestError."""
    checking("request")
    # The request itself: the proxy looks it up in the context for each of its attributes.
    received: Request = request._get_current_object()  # type: ignore[attr-defined]
    address = client_address(received, trusted_proxies)
    noted(address=address)
    oauth_request = read_request(received, address)
    g.oauth_request = oauth_request
    if mtls:
        oauth_request.certificate = client_certificate(received, trusted_proxies)
    _notice_misspelt_parameters(oauth_request, refuse_misspelt)
    return oauth_request


def _notice_misspelt_parameters(asked: OAuthRequest, refuse: bool) -> None:
    hints = list(misspelt(asked.form))
    if not hints:
        return
    if refuse:
        raise InvalidRequestError(f"There is no parameter {hints[0]}")
    ignored = " ".join(hints)
    noted(ignored=ignored)
    checking("note")
    failed(f"ignored: {ignored}")


def answer(
    body: dict[str, Any], status: int = 200, headers: Headers = tuple(default_json_headers)
) -> Response:
    """Return an answer, which no cache may keep."""
    return WholeResponse(orjson.dumps(body), status, headers)


def refusal(error: OAuth2Error, realm: str) -> Response:
    """Return the answer to a protocol error; every 401 has a challenge."""
    failed(getattr(error, "reason", error.description))
    response = answer(dict(error.get_body()), error.status_code)
    if error.status_code == 401:
        response.headers["WWW-Authenticate"] = f'Basic realm="{realm}", charset="UTF-8"'
    if isinstance(error, ProtocolError):
        response.headers.update(error.headers)
    return response


def answer_refusals(blueprint: Blueprint, message: str, realm: str) -> None:
    """Answer the errors that the view of a blueprint raises, and log each with this message."""

    def refuse(error: OAuth2Error) -> Response:
        reason = getattr(error, "reason", error.description)
        decided(message, error=error.error, reason=reason, **_requested())
        return refusal(error, realm)

    def refuse_without_key(error: NoSigningKeyError | NonceKeyError) -> Response:
        return refuse(TemporarilyUnavailableError(reason=str(error)))

    blueprint.register_error_handler(OAuth2Error, refuse)
    blueprint.register_error_handler(NoSigningKeyError, refuse_without_key)
    blueprint.register_error_handler(NonceKeyError, refuse_without_key)


def _requested() -> dict[str, str]:
    """Return what was requested, except what may be a secret in the wrong place."""
    asked: OAuthRequest | None = g.get("oauth_request")
    if asked is None:
        return {}
    requested = {
        "client_id": (_LOGGABLE_CLIENT_ID, asked.presented_client_id),
        "audience": (_LOGGABLE_TARGET, asked.form.get("audience") or asked.form.get("resource")),
        "scope": (_LOGGABLE_SCOPE, asked.form.get("scope")),
    }
    return {name: text for name, (rule, text) in requested.items() if text and rule.fullmatch(text)}


def client_address(request: Request, trusted_proxies: Networks) -> str:
    """Return the last address that is not a trusted proxy's; X-Forwarded-For grows on the right."""
    address: str = request.environ.get("REMOTE_ADDR", "")
    if not trusted_proxies:
        return address
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    while forwarded and _is_trusted(address, trusted_proxies):
        before = forwarded.pop().strip()
        if not _is_address(before):
            break
        address = before
    return address


def client_certificate(request: Request, trusted_proxies: Networks) -> bytes:
    """Return the client's certificate in DER, as a trusted proxy passes it on (RFC 9440); empty: none."""
    header = _SF_BINARY.fullmatch(request.headers.get("Client-Cert", ""))
    if not header or not _is_trusted(request.environ.get("REMOTE_ADDR", ""), trusted_proxies):
        return b""
    return b64decode(header[1])  # Caddy's template writes :: where there is none


def _is_trusted(address: str, trusted_proxies: Networks) -> bool:
    return _is_address(address) and any(ipaddress.ip_address(address) in proxy for proxy in trusted_proxies)


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False
