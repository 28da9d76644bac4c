"""Read a JWT that others sign: a JWS in compact form with a JSON object (RFC 7515 7.1, RFC 7519 7.2).

Not here: who may have signed it, and what its header and claims must be.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from auth_server.grammar import refuse_constant


@dataclass(frozen=True, slots=True)
class CompactJws:
    """A JWS as presented, its signature not yet verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def read_jws(compact: str) -> CompactJws:
    """Return the parts; raise ValueError if they are not three, or not base64url of what they must be."""
    signing_input, _, signature = compact.rpartition(".")
    header, _, claims = signing_input.partition(".")
    return CompactJws(_members(header), _members(claims), signing_input.encode(), _decode(signature))


def _members(part: str) -> dict[str, Any]:
    text = _decode(part).decode()  # RFC 7519 7.2: UTF-8; bytes could be UTF-16 or UTF-32 to `json`
    try:
        members = json.loads(text, parse_constant=refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(members, dict):
        raise ValueError("not an object")  # noqa: TRY004  # what was sent is wrong, not the program
    return members


def _decode(part: str) -> bytes:
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    # Python ignores other characters and stray bits, so that one signature would have several forms.
    if not part or base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise ValueError("not canonical base64url")
    return data
