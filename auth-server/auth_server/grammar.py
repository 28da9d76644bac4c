"""The grammars that several modules judge by: of RFC 6749 (3.3, appendix A), and what Python adds to JSON."""

import re
from urllib.parse import urlsplit

# RFC 6749 A.1: VSCHAR. 128 is ours: longer ones are neither declared nor logged.
CLIENT_ID = re.compile(r"[\x20-\x7e]{1,128}")

# RFC 6749 5.2: what an error_description may hold.
ERROR_DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}")

# RFC 6749 3.3: scope-token.
SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def refuse_constant(constant: str) -> None:
    """Raise ValueError for NaN and the infinities, which `json` takes and JSON has not (RFC 8259 6)."""
    raise ValueError(constant)


def is_absolute_uri(value: str) -> bool:
    """Tell whether a string is an absolute URI without a fragment (RFC 8707 2)."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and "#" not in value
