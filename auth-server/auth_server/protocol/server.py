"""What the OAuth endpoints share: reading, client authentication, answers and the line in the log.

Authlib's server carries the registries. It reads requests outside of its try, settles the grant type before
the credentials, and answers what is raised in between with a 500.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import AuthorizationServer as AuthlibAuthorizationServer
from authlib.oauth2 import OAuth2Error, rfc6749
from authlib.oauth2.rfc6749 import Endpoint
from flask import Request, Response

from auth_server.actions.folder import Actions
from auth_server.clients.registry import Client, Clients
from auth_server.errors import InvalidClientError, InvalidRequestError, UnsupportedGrantTypeError, render
from auth_server.logs import decided
from auth_server.protocol.client_authentication import (
    AuthenticationMethod,
    presented_method,
    refuse_another_client_id,
)
from auth_server.protocol.failed_authentications import FailedLogins
from auth_server.protocol.grant import ClientCredentialsGrant
from auth_server.protocol.introspection import IntrospectionEndpoint
from auth_server.protocol.oauth_request import TokenRequest, read_token_request
from auth_server.protocol.revocation import RevocationEndpoint
from auth_server.server_timing import checking
from auth_server.tokens.access_token import AccessTokens
from auth_server.tokens.issued_tokens import IssuedTokens

EndpointResponse = tuple[int, dict[str, Any], list[tuple[str, str]]]

# Shorter than a generated secret, which people do paste in the wrong place.
_LOGGABLE_CLIENT_ID = re.compile(r"[\x20-\x7e]{1,40}")
_LOGGABLE_SCOPE = re.compile(r"[!-~]{1,40}( [!-~]{1,40}){0,19}")
_LOGGABLE_TARGET = re.compile(r"[a-z]+:[!->A-~]{1,200}")  # neither user information nor a query


class ExchangeEndpoint(Endpoint):  # type: ignore[misc]
    """The exchange of a credential for a token, a list of its steps (RFC 6749 3.2)."""

    ENDPOINT_NAME = "token"

    def create_endpoint_response(self, request: TokenRequest) -> EndpointResponse:
        """Answer a request that is well formed: the first step that is not satisfied refuses it."""
        request.client = self.server.authenticate_client(request)
        checking("grant-type")
        grant = self.server.get_token_grant(request)
        grant.validate_token_request()  # target, scope, Actions
        checking("sign")
        answer: EndpointResponse = grant.create_token_response()
        return answer


class AuthorizationServer(AuthlibAuthorizationServer):  # type: ignore[misc]
    """Issues tokens to clients, and tells and withdraws what it has issued."""

    def __init__(
        self,
        issuer: str,
        *,
        clients: Clients,
        methods: Mapping[str, AuthenticationMethod],
        failed_logins: FailedLogins,
        access_tokens: AccessTokens,
        issued_tokens: IssuedTokens,
        actions: Actions,
    ) -> None:
        super().__init__()
        self.realm = issuer
        self.clients = clients
        self.failed_logins = failed_logins
        self.access_tokens = access_tokens
        self.issued_tokens = issued_tokens
        self.actions = actions
        self.register_grant(ClientCredentialsGrant)
        for endpoint in (ExchangeEndpoint, IntrospectionEndpoint, RevocationEndpoint):
            self.register_endpoint(endpoint)
        for name, method in methods.items():
            self.register_client_auth_method(name, method)

    def create_endpoint_response(self, name: str, request: Request, address: str) -> Response:
        """Answer a request of the endpoint with this name, or refuse it (RFC 6749 5.2)."""
        token_request = None
        (endpoint,) = self._endpoints[name]
        try:
            checking("request")
            token_request = self.create_oauth2_request(request)
            token_request.address = address
            token_request.user_agent = request.environ.get("HTTP_USER_AGENT", "")
            return self.handle_response(*endpoint(token_request))
        except OAuth2Error as error:
            event = {"error": error.error, "reason": getattr(error, "reason", error.description)}
            asked = _asked(token_request) if token_request else {}
            decided(f"{name} refused", {"address": address} | event | asked)
            return render(error, self.realm)

    def create_oauth2_request(self, request: Request) -> TokenRequest:
        """Read the request."""
        return read_token_request(request)

    def authenticate_client(self, request: TokenRequest, _methods: object = (), _name: str = "") -> Client:
        """Find out who asks, by the one method the client uses, whichever endpoint it is."""
        checking("credentials")
        try:
            client: Client = super().authenticate_client(request, [presented_method(request)])
        except InvalidClientError as error:
            raise self.failed_logins.refuse(error, request.presented_client_id, request.address) from None
        refuse_another_client_id(request, client)
        return client

    def get_token_grant(self, request: TokenRequest) -> ClientCredentialsGrant:
        """Choose the grant."""
        if request.payload.grant_type is None:
            raise InvalidRequestError("The grant_type is missing.")
        try:
            grant: ClientCredentialsGrant = super().get_token_grant(request)
        except rfc6749.UnsupportedGrantTypeError:
            raise UnsupportedGrantTypeError from None
        return grant

    def read_again(self, client: Client) -> Client:
        """Read an authenticated client from the database; it may be gone by now."""
        client_now = self.clients.read(client.client_id)
        if client_now is None or not client_now.enabled:
            checking("credentials")
            raise InvalidClientError(reason="client removed or disabled since it authenticated")
        return client_now

    def handle_response(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> Response:
        """Make the response."""
        return Response(json.dumps(body), status, headers)

    def send_signal(self, *_: object, **__: object) -> None:
        """Tell nobody; Authlib wants to when a token is revoked."""


def _asked(request: TokenRequest) -> dict[str, str]:
    """Tell what was asked for, as far as it cannot be a secret in the wrong place."""
    asked = {
        "client_id": (_LOGGABLE_CLIENT_ID, request.presented_client_id),
        "audience": (_LOGGABLE_TARGET, request.form.get("audience") or request.form.get("resource")),
        "scope": (_LOGGABLE_SCOPE, request.form.get("scope")),
    }
    return {name: text for name, (rule, text) in asked.items() if text and rule.fullmatch(text)}
