"""The client credentials grant (RFC 6749 4.4): for which API (RFC 8707), with which scopes (RFC 6749 3.3).

A client's grants are the ceiling, and Actions may lower it. Who the client is was settled before; the token
is made in `access_token`.
"""

from typing import Any

from authlib.oauth2.rfc6749 import ClientCredentialsGrant as AuthlibClientCredentialsGrant

from auth_server.actions.api import (
    Event,
    EventClient,
    EventRequest,
    EventResourceServer,
    EventTransaction,
    Narrowing,
)
from auth_server.clients.registry import Client, ClientGrant
from auth_server.errors import InvalidScopeError, InvalidTargetError, ProtocolError, ServerError
from auth_server.grammar import SCOPE_TOKEN, is_absolute_uri
from auth_server.logs import decided
from auth_server.protocol.oauth_request import TokenRequest
from auth_server.server_timing import checking


class ClientCredentialsGrant(AuthlibClientCredentialsGrant):  # type: ignore[misc]
    """Authlib's grant ignores the target, makes an empty scope of one not granted, and logs tokens."""

    def validate_token_request(self) -> None:
        """Settle target, scope and what Actions narrow; raise the error of the first that refuses."""
        try:
            self._decide()
        except ServerError:
            raise
        except ProtocolError:
            # A refusal never comes from what is remembered of the client.
            remembered, self.request.client = self.client, self.server.read_again(self.client)
            if self.client == remembered:
                raise
            self._decide()

    def _decide(self) -> None:
        grant, scopes = authorize(self.request, self.client)
        checking("actions")
        narrowing = self.server.actions.narrow(lambda: _event(self.request, self.client, grant, scopes))
        self.granted = (grant, *narrowed(scopes, narrowing)) if narrowing else (grant, scopes, {})

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue the token (RFC 6749 5.1, never a refresh token) and log that; nothing is stored."""
        grant, scopes, custom_claims = self.granted
        scope = " ".join(scopes)
        token = self.server.access_tokens.issue(self.client.client_id, grant, scope, custom_claims)
        event = {"address": self.request.address, "client_id": self.client.client_id}
        event |= {"audience": grant.audience, "scope": scope}
        event |= {"jti": token.jti, "kid": token.kid, "alg": token.alg, "expires_in": token.expires_in}
        decided("token issued", event)
        body = {
            "access_token": token.value,
            "token_type": "Bearer",
            "expires_in": token.expires_in,
            "scope": scope,
        }
        return 200, body, self.TOKEN_RESPONSE_HEADER


def authorize(request: TokenRequest, client: Client) -> tuple[ClientGrant, tuple[str, ...]]:
    """Decide what the token is for: one grant of the client, and scopes within it."""
    checking("target")
    grant = granted_target(requested_target(request), client)
    checking("scope")
    return grant, granted_scopes(request.payload.scope, grant)


def narrowed(scopes: tuple[str, ...], narrowing: Narrowing) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Give the scopes and claims that Actions leave; raise their denial, or InvalidScopeError."""
    if narrowing.denial:
        raise narrowing.denial
    left = tuple(scope for scope in scopes if scope not in narrowing.removed_scopes)
    if not left:
        raise InvalidScopeError("None of the scopes is granted now.")
    return left, narrowing.claims


def _event(request: TokenRequest, client: Client, grant: ClientGrant, scopes: tuple[str, ...]) -> Event:
    return Event(
        EventClient(client.client_id, client.name, client.metadata),
        EventRequest(request.address, request.user_agent),
        EventResourceServer(grant.audience),
        EventTransaction(scopes),
    )


def requested_target(request: TokenRequest) -> str | None:
    """Give the API that is asked for, by `audience` or `resource`; None where neither is sent."""
    targets = set(request.payload.resources)
    if "audience" in request.payload.data:
        targets.add(request.payload.data["audience"])
    if len(targets) > 1:
        raise InvalidTargetError("A token is for one API; audience and resource name several.")
    for target in targets:
        if not is_absolute_uri(target):
            raise InvalidTargetError("The target must be an absolute URI without a fragment.")
        return target
    return None


def granted_target(target: str | None, client: Client) -> ClientGrant:
    """Find the client's grant for a target; where none is named, its only one."""
    if target is None:
        if len(client.grants) != 1:
            raise InvalidTargetError("Name the API the token is for, as audience or resource.")
        (grant,) = client.grants.values()
        return grant
    if target not in client.grants:
        raise InvalidTargetError("The client has no grant for this target.")
    return client.grants[target]


def granted_scopes(scope: str | None, grant: ClientGrant) -> tuple[str, ...]:
    """Split and check the scope that is asked for; all that is granted where none is."""
    if scope is None:
        return grant.scopes
    requested = tuple(dict.fromkeys(scope.split(" ")))
    if not all(SCOPE_TOKEN.fullmatch(token) for token in requested):
        raise InvalidScopeError("The scope is malformed: tokens are separated by one space each.")
    for token in requested:
        if token not in grant.scopes:
            # The log is not told: it might be a secret in the wrong place.
            raise InvalidScopeError(
                f"The scope {token} is not granted for this target.", reason="a scope is not granted"
            )
    return requested
