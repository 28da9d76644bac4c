"""What an Action gets: the event, which it reads, and the api, with which it narrows what is granted.

The names are those of Auth0's Actions, in Python's spelling. `Narrowing` has no way to widen.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from auth_server.errors import InvalidRequestError, InvalidScopeError, ProtocolError, UnauthorizedClientError
from auth_server.grammar import ERROR_DESCRIPTION, is_absolute_uri

_DENIALS: Mapping[str, type[ProtocolError]] = {
    "invalid_request": InvalidRequestError,
    "invalid_scope": InvalidScopeError,
    "unauthorized_client": UnauthorizedClientError,
}


class EventClient(NamedTuple):
    """The client that asks; `metadata` is what the tenant file says, and cannot be changed here."""

    client_id: str
    name: str
    metadata: Mapping[str, str]


class EventRequest(NamedTuple):
    """Where the request comes from; never a credential."""

    ip: str
    user_agent: str


class EventResourceServer(NamedTuple):
    """The API that the token is for."""

    identifier: str


class EventTransaction(NamedTuple):
    """The scopes that would be granted without Actions."""

    requested_scopes: tuple[str, ...]


class Event(NamedTuple):
    """The token request that is being served."""

    client: EventClient
    request: EventRequest
    resource_server: EventResourceServer
    transaction: EventTransaction


@dataclass(slots=True)
class Narrowing:
    """What the Actions have decided so far about one token request."""

    claims: dict[str, Any] = field(default_factory=dict)
    removed_scopes: set[str] = field(default_factory=set)
    denial: ProtocolError | None = None


@dataclass(frozen=True, slots=True)
class AccessTokenApi:
    """`api.access_token`."""

    _narrowing: Narrowing

    def set_custom_claim(self, name: str, value: Any) -> None:
        """Add a claim with a JSON value; raise ValueError unless a URI names it: other names are taken."""
        if not is_absolute_uri(name):
            raise ValueError(f"name a custom claim by an absolute URI without a fragment, not {name!r}")
        copy = json.loads(json.dumps(value, allow_nan=False))
        orjson.dumps(copy)  # as the token is written; it refuses half a surrogate pair and more than 64 bits
        self._narrowing.claims[name] = copy


@dataclass(frozen=True, slots=True)
class TransactionApi:
    """`api.transaction`."""

    _narrowing: Narrowing

    def remove_target_scope(self, scope: str) -> None:
        """Remove a scope; one that would not be granted is ignored."""
        self._narrowing.removed_scopes.add(scope)


@dataclass(frozen=True, slots=True)
class AccessApi:
    """`api.access`."""

    _narrowing: Narrowing

    def deny(self, code: str, reason: str, for_log: str = "") -> None:
        """Refuse the request with one of the codes above; the client reads the reason, the log `for_log`."""
        if code not in _DENIALS:
            raise ValueError(f"deny with one of {', '.join(_DENIALS)}, not {code!r}")
        if not ERROR_DESCRIPTION.fullmatch(reason):
            raise ValueError("the reason has characters that error_description may not have (RFC 6749 5.2)")
        self._narrowing.denial = _DENIALS[code](reason, reason=for_log)


@dataclass(frozen=True, slots=True)
class Api:
    """What an Action may do."""

    access_token: AccessTokenApi
    transaction: TransactionApi
    access: AccessApi


def api_on(narrowing: Narrowing) -> Api:
    """Return the api that writes to a narrowing."""
    return Api(AccessTokenApi(narrowing), TransactionApi(narrowing), AccessApi(narrowing))
