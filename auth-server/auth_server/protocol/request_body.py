"""Read the parameters of a request body, form or JSON; refuse what is malformed (RFC 6749 3.2).

Not here: what the parameters must be (protocol/oauth_request.py).
"""

import json
import re
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.sansio.utils import get_content_length

from auth_server.errors import InvalidRequestError
from auth_server.grammar import refuse_constant

MAX_BODY = 64 * 1024
CREDENTIALS = ("client_id", "client_secret", "client_assertion_type", "client_assertion")
PARAMETERS = (*CREDENTIALS, "grant_type", "scope", "audience", "resource", "token", "token_type_hint")

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

Pairs = list[tuple[str, str]]


def read_parameters(request: Request) -> Pairs:
    """Return the parameters in their order, repeated ones too; raise InvalidRequestError."""
    media_type = request.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type == _FORM:
        return _parse_form(_read_body(request))
    if media_type == _JSON:
        return _parse_json(_read_body(request))
    raise InvalidRequestError(f"The content type must be {_FORM} or {_JSON}.", status=415)


def _read_body(request: Request) -> str:
    # Not by werkzeug: its stream costs four times as much, and silently cuts a chunked body off at the limit.
    environ = request.environ
    declared = get_content_length(environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING"))
    length = declared or 0
    if length > MAX_BODY:  # refused at once: a sender that pauses would hold a thread
        raise _too_large()
    if declared is None and environ.get("wsgi.input_terminated"):
        length = MAX_BODY + 1
    try:
        body = _read(environ["wsgi.input"], length)
    except OSError:
        raise InvalidRequestError("The body is incomplete.") from None
    except ParseException:  # of a chunked body; its message would take the body to the log
        raise InvalidRequestError("The body is malformed.") from None
    if len(body) > MAX_BODY:
        raise _too_large()
    if len(body) < (declared or 0):
        raise InvalidRequestError("The body is incomplete.")
    return _decode(body)


def _too_large() -> InvalidRequestError:
    return InvalidRequestError(f"The body is larger than {MAX_BODY} bytes.", status=413)


def _read(stream: BinaryIO, size: int) -> bytes:
    """Return `size` bytes, or fewer at the end of the body."""
    body = stream.read(size)
    while 0 < len(body) < size:
        part = stream.read(size - len(body))
        if not part:
            break
        body += part
    return body


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not UTF-8.") from None


def _parse_form(body: str) -> Pairs:
    if _BAD_ESCAPE.search(body):
        raise InvalidRequestError("The form is malformed.")
    try:
        return parse_qsl(body, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not UTF-8.") from None


def _parse_json(body: str) -> Pairs:
    try:
        # An object becomes a tuple of its members, repeated ones too.
        members = json.loads(body, object_pairs_hook=tuple, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The JSON is malformed.") from None
    if not isinstance(members, tuple):
        raise InvalidRequestError("The JSON must be an object.")
    return [pair for name, value in members for pair in _flatten(name, value)]


def _flatten(name: str, value: Any) -> Pairs:
    """Turn one member into parameters; null counts as absent, and unknown members are ignored."""
    if isinstance(value, str):
        return [(name, value)]
    if name == "resource" and type(value) is list and all(isinstance(item, str) for item in value):
        return [(name, item) for item in value]
    if name in PARAMETERS and value is not None:
        raise InvalidRequestError(f"The parameter {name} must be a string.")
    return [] if value is None else [(name, "not a string")]  # it is ignored, but its name may be misspelt
