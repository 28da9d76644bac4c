"""What an exchange says: its captions in a diagram, its outcome, what was asked, granted or refused."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from calling_service.runs.case import Outcome
from recording.exchange import Exchange, Message
from recording.redaction import is_redacted
from recording.story import API

from flow_explorer.words import short_tokens

GRANTED = ("client_id", "aud", "scope")  # of an access token's claims (RFC 9068 2.2)
REFUSED = ("error", "error_description")  # RFC 6749 5.2

Members = list[tuple[str, str]]


def request_caption(exchange: Exchange) -> str:
    """Return the method and the path, each token in it shortened."""
    return short_tokens(exchange.request.start_line).removesuffix(" HTTP/1.1")


def checks_caption(exchange: Exchange) -> str:
    """Return the check that failed, or the step that the checks show, or that all of them passed."""
    if failed := exchange.failed_check:
        return f"Refused at the check “{failed.name.replace('-', ' ')}”"
    for step in exchange.steps:
        if not step.shows:
            return step.label
    if exchange.receiver == API and exchange.request.token:
        return "The token passes every check"
    return "Every check passes"


def keys_caption(exchange: Exchange) -> str | None:
    """Return where the API had the key from with which it verified a token, if it made no call for it."""
    verified = any(check.name == "signature" and not check.reason for check in exchange.checks)
    fetched_now = any(call.name == "jwks" for call in exchange.calls)
    if not verified or fetched_now:
        return None
    return (
        "The API made no call for the key: it fetched the authorization server's public keys earlier,"
        " when it started or since (GET /.well-known/jwks.json)."
    )


def response_caption(exchange: Exchange) -> str:
    """Return the status with what the token is for, or with the error code; or why there is no response."""
    answer = exchange.answer.removeprefix("HTTP/1.1 ")
    if exchange.response and exchange.response.token:
        claims = exchange.response.token.payload
        return f"{answer}, a token for {claims.get('aud')} with {claims.get('scope')}"
    if error := outcome(exchange).error:
        return f"{answer}, {error}"
    return answer


def outcome(exchange: Exchange) -> Outcome:
    """Return the status, the error code (RFC 6749 5.2, RFC 6750 3.1) and the failed check of a request."""
    failed = exchange.failed_check
    error = _json_object(exchange.response).get("error")
    check = failed.name if failed else None
    return Outcome(exchange.status, error, check)


def asked_and_answered(exchange: Exchange) -> list[tuple[str, Members]]:
    """Return pairs of a word ("asked", "granted", "refused") and its members, if it has any."""
    asked = [(name, value) for name, value in parse_qsl(exchange.request.body) if not is_redacted(value)]
    granted: Members = []
    if exchange.response and exchange.response.token:
        granted = _members(exchange.response.token.payload, GRANTED)
    refused = _members(_json_object(exchange.response), REFUSED)
    lines = [("asked", asked), ("granted", granted), ("refused", refused)]
    return [(word, members) for word, members in lines if members]


def _members(source: Mapping[str, Any], names: tuple[str, ...]) -> Members:
    return [(name, str(source[name])) for name in names if source.get(name)]


def _json_object(response: Message | None) -> dict[str, Any]:
    if response is None:
        return {}
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return value
