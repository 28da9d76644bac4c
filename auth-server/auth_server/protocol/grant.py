"""The client credentials grant (RFC 6749 4.4), step by step.

Not here: client authentication, the rules of target and scope, the token (tokens/access_token.py).
"""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import rfc6749

from auth_server import errors
from auth_server.actions import api
from auth_server.clients.registry import Client, ClientGrant
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.protocol.target_and_scope import granted_scopes, granted_target, requested_target
from auth_server.request_log import decided
from auth_server.server_timing import checking


@dataclass(frozen=True, slots=True)
class Authorization:
    """What the token may be used for: the API of a grant, scopes of it, and the claims of Actions."""

    grant: ClientGrant
    scopes: tuple[str, ...]
    custom_claims: dict[str, Any]


class ClientCredentialsGrant(rfc6749.ClientCredentialsGrant):  # type: ignore[misc]
    """The grant on Authlib's base class, without its steps: these ignore the target, and log tokens."""

    request: OAuthRequest
    server: AuthorizationServer
    authorization: Authorization
    bound_key: str | None = None  # thumbprint (RFC 9449 5)

    def validate_token_request(self) -> None:
        """Take the steps that may refuse, in their order; raise the error of the first that does."""
        self.request.client = self.server.client_authentication.authenticate(self.request)
        self._check_grant_type()
        if self.server.dpop and self.request.dpop is not None:
            self.bound_key = self.server.dpop.bound_key(self.request.dpop)
        try:
            self.authorization = self._authorize(self.request.client)
        except errors.ServerError:
            raise
        except errors.ProtocolError as refusal:
            self.authorization = self._authorize_again(refusal)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue the token and log it; nothing is stored (RFC 6749 5.1, never a refresh token)."""
        checking("sign")
        client_id = self.request.client.client_id
        grant = self.authorization.grant
        scope = " ".join(self.authorization.scopes)
        binding = self._confirmation()
        claims = {"cnf": binding} if binding else {}
        token = self.server.access_tokens.issue(
            client_id,
            grant.audience,
            scope,
            signing_alg=grant.signing_alg(self.server.access_tokens.now()),
            lifetime=grant.token_lifetime,
            custom_claims={**self.authorization.custom_claims, **claims},
        )
        fields = {"client_id": client_id, "audience": grant.audience, "scope": scope}
        key = {"kid": token.kid, "alg": token.alg, **binding}
        headers = self.TOKEN_RESPONSE_HEADER
        scheme = "Bearer"
        if self.server.dpop and self.bound_key:
            headers = [*headers, *self.server.dpop.answer_headers().items()]
            scheme = "DPoP"
        decided("token issued", **fields, jti=token.jti, expires_in=token.expires_in, **key)
        body = {"access_token": token.value, "token_type": scheme}
        return 200, {**body, "expires_in": token.expires_in, "scope": scope}, headers

    def _confirmation(self) -> dict[str, str]:
        """Return what the token is bound to (RFC 7800 3.1); empty if it is not."""
        confirmation = {}
        if self.bound_key:
            confirmation["jkt"] = self.bound_key  # RFC 9449 6.1
        if self.request.client.certificate_bound_access_tokens:
            confirmation["x5t#S256"] = self.request.certificate_thumbprint  # RFC 8705 3.1
        return confirmation

    def _check_grant_type(self) -> None:
        checking("grant-type")
        if self.request.payload.grant_type is None:
            raise errors.InvalidRequestError("The grant_type is missing.")
        if not self.check_token_endpoint(self.request):
            raise errors.UnsupportedGrantTypeError

    def _authorize(self, client: Client) -> Authorization:
        """Settle target, scope and what Actions leave; raise the error of the first that refuses."""
        if client.dpop_bound_access_tokens and not self.bound_key:
            raise errors.InvalidRequestError("This client must send a DPoP proof.")
        if client.certificate_bound_access_tokens and not self.request.certificate:
            raise errors.InvalidRequestError("This client must present a certificate.")
        checking("target")
        grant = granted_target(requested_target(self.request), client)
        checking("scope")
        scopes = granted_scopes(self.request.payload.scope, grant)
        checking("actions")
        narrowing = self.server.actions.narrow(lambda: _event(self.request, client, grant, scopes))
        return Authorization(grant, narrowed(scopes, narrowing), narrowing.claims)

    def _authorize_again(self, refusal: errors.ProtocolError) -> Authorization:
        """Settle it with the client as it is now: a refusal never comes from what is remembered."""
        client = self.server.clients.read(self.request.client.client_id)
        if client is None or not client.enabled:
            checking("credentials")
            raise errors.InvalidClientError(reason="the client was removed or disabled meanwhile")
        if client == self.request.client:
            raise refusal
        self.request.client = client
        return self._authorize(client)


def narrowed(scopes: tuple[str, ...], narrowing: api.Narrowing) -> tuple[str, ...]:
    """Return the scopes that Actions leave; raise their denial, or InvalidScopeError if none is left."""
    if narrowing.denial:
        raise narrowing.denial
    left = tuple(scope for scope in scopes if scope not in narrowing.removed_scopes)
    if not left:
        raise errors.InvalidScopeError("None of the scopes is granted now.")
    return left


def _event(request: OAuthRequest, client: Client, grant: ClientGrant, scopes: tuple[str, ...]) -> api.Event:
    return api.Event(
        api.EventClient(client.client_id, client.name, client.metadata),
        api.EventRequest(request.address, request.user_agent),
        api.EventResourceServer(grant.audience),
        api.EventTransaction(scopes),
    )
