"""What a server was asked, what it granted or refused, and by which check, from a recorded exchange alone."""

import json
from typing import Any
from urllib.parse import parse_qsl

from recording.redaction import CUT, MASK

GRANTED = ("client_id", "aud", "scope")  # of an access token's claims (RFC 9068 2.2)
REFUSED = ("error", "error_description")  # RFC 6749 5.2

Members = list[tuple[str, str]]


def asked_and_answered(exchange: dict[str, Any]) -> list[tuple[str, Members]]:
    """Return pairs of a word and the members that it introduces; none for what the exchange does not say."""
    asked = [pair for pair in parse_qsl(exchange["request"]["body"]) if not pair[1].endswith((MASK, CUT))]
    response = exchange["response"] or {"body": "", "token": None}
    body, token = _object(response["body"]), response["token"] or {}
    found = [
        ("asked", asked),
        ("granted", _members(token.get("payload") or {}, GRANTED)),
        ("refused", _members(body, REFUSED)),
    ]
    return [(word, members) for word, members in found if members]


def failed_check(exchange: dict[str, Any]) -> dict[str, Any] | None:
    """Return the check that refused the request, if the server told."""
    return next((check for check in exchange.get("checks", ()) if check["reason"]), None)


def outcome(exchange: dict[str, Any]) -> dict[str, Any]:
    """Return what came of a request: status, error code (RFC 6749 5.2, RFC 6750 3.1) and failed check."""
    body = _object((exchange["response"] or {"body": ""})["body"])
    failed = failed_check(exchange)
    return {"status": exchange["status"], "error": body.get("error"), "check": failed and failed["name"]}


def _members(source: dict[str, Any], names: tuple[str, ...]) -> Members:
    return [(name, str(source[name])) for name in names if source.get(name)]


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
