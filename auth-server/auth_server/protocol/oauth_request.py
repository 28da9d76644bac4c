"""The request of an OAuth endpoint, which passes from step to step (RFC 6749 3.2, RFC 8707 2).

Authlib's own reading takes parameters from the query string too, accepts repeated ones and knows no JSON.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Request

from auth_server.clients.registry import Client
from auth_server.errors import InvalidRequestError
from auth_server.protocol.request_body import Pairs, read_parameters

# RFC 9110 11.4: within one header, a comma is followed by a parameter or is quoted.
_COMMA_BEFORE_NO_PARAMETER = re.compile(r",(?!\s*[\w!#$%&'*+.^`|~-]+\s*=)", re.ASCII)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')  # or to the end, so that it takes linear time


class OAuthRequest(OAuth2Request):  # type: ignore[misc]
    """A well-formed request; `client` is set once it has authenticated."""

    client: Client
    certificate = b""  # of the client's TLS connection, in DER, if there is one

    # What Authlib's __init__ would set. It demands https of the URI; behind a proxy, as in Compose, the real
    # one is http. ISSUER settles at the start of the service whether plain http is accepted.
    method = "POST"
    uri = "https://localhost/"
    _scope = None
    # The parameters of the body, whether it is a form or JSON. Authlib has a property here.
    form: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        parameters: Pairs,
        *,
        authorization: str = "",
        address: str = "",
        user_agent: str = "",
        dpop: str | None = None,
    ) -> None:
        self.headers = {"Authorization": authorization}
        self.form = dict(parameters)
        self.payload = BasicOAuth2Payload(self.form)
        self.resources = [value for name, value in parameters if name == "resource"]
        self.authorization = authorization
        self.address = address
        self.user_agent = user_agent
        self.dpop = dpop
        self.presented_client_id: str | None = None

    @property
    def certificate_thumbprint(self) -> str:
        """Return the digest of the certificate, as in x5t#S256 (RFC 8705 3.1)."""
        return urlsafe_b64encode(sha256(self.certificate).digest()).rstrip(b"=").decode()


def read_request(request: Request, address: str) -> OAuthRequest:
    """Return the request from a client's address; raise InvalidRequestError if it is malformed."""
    # RFC 6749 2.3.1: credentials MUST NOT be in the URI; anything else there was meant for the body.
    if request.query_string:
        raise InvalidRequestError("Parameters belong in the body, not in the query string.")
    parameters = [(name, value) for name, value in read_parameters(request) if value]  # RFC 6749 3.2
    _refuse_unreadable_text(parameters)
    _refuse_repeats(parameters)
    oauth_request = OAuthRequest(
        parameters,
        authorization=request.environ.get("HTTP_AUTHORIZATION", ""),
        address=address,
        user_agent=request.environ.get("HTTP_USER_AGENT", ""),
        dpop=request.environ.get("HTTP_DPOP"),
    )
    _refuse_two_credentials(oauth_request)
    return oauth_request


def presented_token(request: OAuthRequest) -> str:
    """Return the token that is asked about. There is one kind, so hints are ignored (RFC 7662, 7009, 2.1)."""
    if "token" not in request.form:
        raise InvalidRequestError("The token is missing.")
    return request.form["token"]


def _refuse_unreadable_text(parameters: Pairs) -> None:
    try:  # a token that is asked about may be any garbage (RFC 7662 2.3)
        text = "".join(name + value for name, value in parameters if name != "token").encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        text = b"\0"
    if b"\0" in text:
        raise InvalidRequestError("The body has a NUL or half a surrogate pair.")


def _refuse_repeats(parameters: Pairs) -> None:
    """Refuse repeated parameters (RFC 6749 3.2) except `resource` (RFC 8707 2)."""
    names = [name for name, _ in parameters if name != "resource"]
    if len(names) != len(set(names)):
        raise InvalidRequestError("A parameter is sent more than once.")


def _refuse_two_credentials(request: OAuthRequest) -> None:
    """Refuse more than one method of client authentication (RFC 6749 2.3)."""
    in_body = [name for name in ("client_secret", "client_assertion") if name in request.form]
    if len(in_body) + bool(request.authorization) > 1 or _are_two_headers(request.authorization):
        raise InvalidRequestError("The client authenticates in more than one way.")


def _are_two_headers(authorization: str) -> bool:
    """Return whether two Authorization headers were sent; they arrive joined by a comma."""
    if authorization[:6].lower() == "basic ":  # its credentials hold no comma
        return "," in authorization
    return bool(_COMMA_BEFORE_NO_PARAMETER.search(_QUOTED.sub("", authorization)))
