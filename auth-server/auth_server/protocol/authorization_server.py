"""What the steps of the OAuth endpoints work with: the server that Authlib's grants and endpoints ask."""

from dataclasses import dataclass

from auth_server.actions.folder import Actions
from auth_server.clients.registry import Clients
from auth_server.protocol.client_authentication import ClientAuthentication
from auth_server.protocol.dpop_proof import DpopProofs
from auth_server.tokens.access_token import AccessTokens
from auth_server.tokens.issued_tokens import IssuedTokens


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """A plain value without Authlib's registries; an Authlib server with these attributes can replace it."""

    client_authentication: ClientAuthentication
    clients: Clients
    actions: Actions
    access_tokens: AccessTokens
    issued_tokens: IssuedTokens
    dpop: DpopProofs | None = None
