"""What a server was asked and what it granted or refused, side by side, from a recorded exchange alone."""

import json
from typing import Any
from urllib.parse import parse_qsl

from .redaction import MASK

GRANTED = ("client_id", "aud", "scope")  # of an access token's claims (RFC 9068 2.2)
REFUSED = ("error", "error_description")  # RFC 6749 5.2

Members = list[tuple[str, str]]


def asked_and_answered(exchange: dict[str, Any]) -> list[tuple[str, Members]]:
    """Return pairs of a word and the members that it introduces; none for what the exchange does not say."""
    asked = [pair for pair in parse_qsl(exchange["request"]["body"]) if pair[1] != MASK]
    response = exchange["response"] or {"body": "", "token": None}
    body, token = _object(response["body"]), response["token"] or {}
    found = [
        ("asked", asked),
        ("granted", _members(token.get("payload") or {}, GRANTED)),
        ("refused", _members(body, REFUSED)),
    ]
    return [(word, members) for word, members in found if members]


def _members(source: dict[str, Any], names: tuple[str, ...]) -> Members:
    return [(name, str(source[name])) for name in names if source.get(name)]


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
