"""Grammars that several modules judge by (RFC 6749 3.3 and appendix A), and JSON stricter than Python's."""

import re
from urllib.parse import urlsplit

# RFC 6749 A.1: VSCHAR. The length of 128 is ours: longer ones are neither declared nor logged.
CLIENT_ID = re.compile(r"[\x20-\x7e]{1,128}")

# RFC 6749 5.2: the characters of an error_description.
ERROR_DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}")

# RFC 6749 3.3: scope-token.
SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def refuse_constant(constant: str) -> None:
    """Raise ValueError for NaN and the infinities, which Python's `json` accepts and RFC 8259 6 does not."""
    raise ValueError(constant)


def is_absolute_uri(value: str) -> bool:
    """Return whether a string is an absolute URI without a fragment (RFC 8707 2)."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and "#" not in value
