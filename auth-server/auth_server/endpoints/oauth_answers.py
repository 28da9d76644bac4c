"""The answers of the OAuth endpoints (RFC 6749 5), and the line in the log that says why one was refused."""

import json
import re
from typing import Any

from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, g

from auth_server.errors import ProtocolError, TemporarilyUnavailableError
from auth_server.keys.signing_keys import NoSigningKeyError
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.request_log import decided
from auth_server.server_timing import failed

# Shorter than a generated secret, which people do paste in the wrong place.
_LOGGABLE_CLIENT_ID = re.compile(r"[\x20-\x7e]{1,40}")
_LOGGABLE_SCOPE = re.compile(r"[!-~]{1,40}( [!-~]{1,40}){0,19}")
_LOGGABLE_TARGET = re.compile(r"[a-z]+:[!->A-~]{1,200}")  # neither user information nor a query


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return an answer, which no cache may keep."""
    return Response(json.dumps(body), status, default_json_headers)


def refusal(error: OAuth2Error, realm: str) -> Response:
    """Return the answer to a protocol error; every 401 has a challenge."""
    failed(_reason(error))
    response = answer(dict(error.get_body()), error.status_code)
    if error.status_code == 401:
        response.headers["WWW-Authenticate"] = f'Basic realm="{realm}", charset="UTF-8"'
    if isinstance(error, ProtocolError):
        response.headers.update(error.headers)
    return response


def log_refusals(blueprint: Blueprint, message: str, realm: str) -> None:
    """Answer the errors that the view of a blueprint raises, and log each with this message."""

    def refuse(error: OAuth2Error) -> Response:
        decided(message, address=g.address, error=error.error, reason=_reason(error), **_requested())
        return refusal(error, realm)

    def refuse_without_key(error: NoSigningKeyError) -> Response:
        return refuse(TemporarilyUnavailableError(reason=str(error)))

    blueprint.register_error_handler(OAuth2Error, refuse)
    blueprint.register_error_handler(NoSigningKeyError, refuse_without_key)


def _reason(error: OAuth2Error) -> str:
    return str(getattr(error, "reason", error.description))


def _requested() -> dict[str, str]:
    """Return what was requested, except what may be a secret in the wrong place."""
    request: OAuthRequest | None = g.get("oauth_request")
    if request is None:
        return {}
    requested = {
        "client_id": (_LOGGABLE_CLIENT_ID, request.presented_client_id),
        "audience": (_LOGGABLE_TARGET, request.form.get("audience") or request.form.get("resource")),
        "scope": (_LOGGABLE_SCOPE, request.form.get("scope")),
    }
    return {name: text for name, (rule, text) in requested.items() if text and rule.fullmatch(text)}
