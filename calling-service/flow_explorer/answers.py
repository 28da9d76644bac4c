"""What a server was asked, what it granted or refused, and the outcome, read from one exchange."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from calling_service.runs.case import Outcome
from recording.exchange import Exchange, Message
from recording.redaction import is_redacted

GRANTED = ("client_id", "aud", "scope")  # of an access token's claims (RFC 9068 2.2)
REFUSED = ("error", "error_description")  # RFC 6749 5.2

Members = list[tuple[str, str]]


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
