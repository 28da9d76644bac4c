"""What a token is for: an API that the client has a grant for (RFC 8707 2), and scopes (RFC 6749 3.3)."""

from auth_server.clients.registry import Client, ClientGrant
from auth_server.errors import InvalidScopeError, InvalidTargetError
from auth_server.grammar import SCOPE_TOKEN, is_absolute_uri
from auth_server.protocol.oauth_request import OAuthRequest


def requested_target(request: OAuthRequest) -> str | None:
    """Return the API that `audience` or `resource` names, None without both; raise InvalidTargetError."""
    targets = set(request.resources)
    if "audience" in request.form:
        targets.add(request.form["audience"])
    if len(targets) > 1:
        raise InvalidTargetError("A token is for one API; audience and resource name several.")
    for target in targets:
        if not is_absolute_uri(target):
            raise InvalidTargetError("The target must be an absolute URI without a fragment.")
        return str(target)
    return None


def granted_target(target: str | None, client: Client) -> ClientGrant:
    """Return the client's grant for a target, its only one if none is named; raise InvalidTargetError."""
    if target is None:
        if len(client.grants) != 1:
            raise InvalidTargetError("Name the API the token is for, as audience or resource.")
        (grant,) = client.grants.values()
        return grant
    if target not in client.grants:
        raise InvalidTargetError("The client has no grant for this target.")
    return client.grants[target]


def granted_scopes(scope: str | None, grant: ClientGrant) -> tuple[str, ...]:
    """Return the requested scopes, each once, all of the grant if none is sent; raise InvalidScopeError."""
    if scope is None:
        return grant.scopes
    requested = tuple(dict.fromkeys(scope.split(" ")))
    if not all(SCOPE_TOKEN.fullmatch(token) for token in requested):
        raise InvalidScopeError("The scope is malformed: tokens are separated by one space each.")
    for token in requested:
        if token not in grant.scopes:
            description = f"The scope {token} is not granted for this target."
            # The log does not name the token, which may be a secret in the wrong place.
            raise InvalidScopeError(description, reason="a scope is not granted")
    return requested
