"""Read base64url (RFC 7515 2) and JSON (RFC 8259) so strictly that no two readers can disagree."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from typing import Any


def base64url(text: str) -> bytes:
    """Return the bytes; raise ValueError for padding, and for stray bits or characters."""
    data = urlsafe_b64decode(text + "=="[: -len(text) % 4])
    if urlsafe_b64encode(data).rstrip(b"=") != text.encode():
        raise ValueError("not canonical")
    return data


def json_value(data: bytes, parse_float: Callable[[str], Any] = float) -> Any:
    """Return the value of a UTF-8 text without repeated members; raise ValueError."""
    try:
        return _decoder(parse_float).decode(data.decode())
    except (RecursionError, ArithmeticError) as error:
        raise ValueError("nested too deeply, or a number out of range") from error


@cache  # to make one takes as long as to decode a token's claims
def _decoder(parse_float: Callable[[str], Any]) -> json.JSONDecoder:
    return json.JSONDecoder(parse_float=parse_float, parse_constant=_refuse, object_pairs_hook=_unique)


def json_object(data: bytes) -> dict[str, Any]:
    """Return the value if it is an object; raise ValueError."""
    value = json_value(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  (the sender's fault, not the program's)
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are not JSON


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a repeated member")
    return members
