"""Read a request of an OAuth endpoint, form or JSON; refuse what is malformed (RFC 6749 3.2, RFC 8707 2).

Authlib reads the query string too, takes repeated parameters and knows no JSON. Credentials are judged later.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from auth_server.errors import InvalidRequestError
from auth_server.grammar import refuse_constant
from auth_server.server_timing import checking

MAX_BODY = 64 * 1024
PARAMETERS = (
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion_type",
    "client_assertion",
    "scope",
    "audience",
    "resource",
    "token",
    "token_type_hint",
)

_FORM = "application/x-www-form-urlencoded"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 9110 11.4: within one header, a comma is followed by a parameter, or is quoted.
_COMMA_BEFORE_NO_PARAMETER = re.compile(r",(?!\s*[\w!#$%&'*+.^`|~-]+\s*=)", re.ASCII)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')  # or to the end: in linear time, whatever comes

Pairs = list[tuple[str, str]]


class TokenPayload(BasicOAuth2Payload):  # type: ignore[misc]
    """The parameters of a request, one value each, and every `resource`."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(dict(pairs))
        self.resources = [value for name, value in pairs if name == "resource"]


class TokenRequest(OAuth2Request):  # type: ignore[misc]
    """What Authlib passes on between the steps of one exchange."""

    def __init__(self, payload: TokenPayload, authorization: str) -> None:
        # Authlib wants https of the URI that Flask makes from the Host header; where that is http, as inside
        # Compose, it raises outside of its own try. Whether http will do is settled at start, by ISSUER.
        super().__init__("POST", "https://localhost/oauth/token", headers={"Authorization": authorization})
        self.payload = payload
        self.presented_client_id: str | None = None
        self.address = ""
        self.user_agent = ""

    @property
    def form(self) -> dict[str, str]:
        """Give the parameters of the body, whichever type it has."""
        data: dict[str, str] = self.payload.data
        return data


def read_token_request(request: Request) -> TokenRequest:
    """Read the request; raise InvalidRequestError where it is malformed."""
    _refuse_query(request)
    pairs = [(name, value) for name, value in _read_pairs(request) if value]  # RFC 6749 3.2: empty is absent
    _refuse_unreadable_text(pairs)
    _refuse_repeats(pairs)
    token_request = TokenRequest(TokenPayload(pairs), request.headers.get("Authorization", ""))
    _refuse_two_credentials(token_request)
    return token_request


def presented_token(request: TokenRequest) -> str:
    """Give the token that is asked about. There is one kind, so hints are ignored (RFC 7662, 7009, 2.1)."""
    checking("token")
    if "token" not in request.form:
        raise InvalidRequestError("The token is missing.")
    return request.form["token"]


def _refuse_query(request: Request) -> None:
    # RFC 6749 2.3.1: credentials MUST NOT be in the URI; what else is there was meant for the body.
    if request.query_string:
        raise InvalidRequestError("Parameters belong in the body, not in the query string.")


def _read_pairs(request: Request) -> Pairs:
    if request.mimetype == _FORM:
        return _parse_form(_read_body(request))
    if request.mimetype == "application/json":
        return _parse_json(_read_body(request))
    raise InvalidRequestError(f"The content type must be {_FORM} or application/json.", status=415)


def _read_body(request: Request) -> str:
    # One byte more, because werkzeug cuts a chunked body off at its limit without a word.
    request.max_content_length = MAX_BODY + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        body = bytes(MAX_BODY + 1)
    except (ClientDisconnected, OSError):
        raise InvalidRequestError("The body is incomplete.") from None
    except ParseException:  # of a chunked body; left alone, its message would take the body to the log
        raise InvalidRequestError("The body is malformed.") from None
    if len(body) > MAX_BODY:
        raise InvalidRequestError(f"The body is larger than {MAX_BODY} bytes.", status=413)
    if len(body) < (request.content_length or 0):  # behind gunicorn werkzeug does not notice
        raise InvalidRequestError("The body is incomplete.")
    return _decode(body)


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
        members = json.loads(body, object_pairs_hook=_Members, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The JSON is malformed.") from None
    if not isinstance(members, _Members):
        raise InvalidRequestError("The JSON must be an object.")
    return [pair for name, value in members for pair in _flatten(name, value)]


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object as they were sent, repeated ones too."""


def _flatten(name: str, value: Any) -> Pairs:
    """Turn one member into parameters; a null is absent, an unknown member is ignored whatever it holds."""
    if isinstance(value, str):
        return [(name, value)]
    if name == "resource" and type(value) is list and all(isinstance(item, str) for item in value):
        return [(name, item) for item in value]
    if name in PARAMETERS and value is not None:
        raise InvalidRequestError(f"The parameter {name} must be a string.")
    return []


def _refuse_unreadable_text(pairs: Pairs) -> None:
    try:  # a token that is asked about may be any garbage (RFC 7662 2.3)
        text = "".join(name + ("" if name == "token" else value) for name, value in pairs).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        text = b"\0"
    if b"\0" in text:
        raise InvalidRequestError("The body has a NUL or half a surrogate pair.")


def _refuse_repeats(pairs: Pairs) -> None:
    """Refuse parameters that repeat (RFC 6749 3.2), but `resource` (RFC 8707 2)."""
    names = [name for name, _ in pairs if name != "resource"]
    if len(names) != len(set(names)):
        raise InvalidRequestError("A parameter is sent more than once.")


def _refuse_two_credentials(request: TokenRequest) -> None:
    """Refuse more than one way of authentication (RFC 6749 2.3)."""
    authorization = request.headers["Authorization"]
    used = [bool(authorization), "client_secret" in request.form, "client_assertion" in request.form]
    if sum(used) > 1 or _are_two_headers(authorization):
        raise InvalidRequestError("The client authenticates in more than one way.")


def _are_two_headers(authorization: str) -> bool:
    """Tell two Authorization headers, which arrive joined by a comma, from one that holds commas."""
    if authorization[:6].lower() == "basic ":  # whose credentials hold none
        return "," in authorization
    return bool(_COMMA_BEFORE_NO_PARAMETER.search(_QUOTED.sub("", authorization)))
