"""What an Action is given: the event, which it reads, and the api, by which it narrows what is granted.

The names are those of Auth0's Actions, in Python's spelling. `Narrowing` knows no way to widen.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth_server.errors import InvalidRequestError, InvalidScopeError, ProtocolError, UnauthorizedClientError
from auth_server.grammar import ERROR_DESCRIPTION, is_absolute_uri

_DENIALS: Mapping[str, type[ProtocolError]] = {
    "invalid_request": InvalidRequestError,
    "invalid_scope": InvalidScopeError,
    "unauthorized_client": UnauthorizedClientError,
}


@dataclass(frozen=True, slots=True)
class EventClient:
    """Who asks; `metadata` is what the tenant file says, and cannot be changed here."""

    client_id: str
    name: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EventRequest:
    """Where the request comes from; never a credential."""

    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class EventResourceServer:
    """Which API the token is for."""

    identifier: str


@dataclass(frozen=True, slots=True)
class EventTransaction:
    """The scopes that would be granted without Actions."""

    requested_scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """The exchange that is going on."""

    client: EventClient
    request: EventRequest
    resource_server: EventResourceServer
    transaction: EventTransaction


@dataclass(slots=True)
class Narrowing:
    """What the Actions of one exchange have decided so far."""

    claims: dict[str, Any] = field(default_factory=dict)
    removed_scopes: set[str] = field(default_factory=set)
    denial: ProtocolError | None = None


@dataclass(frozen=True, slots=True)
class AccessTokenApi:
    """`api.access_token`."""

    _narrowing: Narrowing

    def set_custom_claim(self, name: str, value: Any) -> None:
        """Add a claim of JSON; raise ValueError for a name that is no URI, and might mean something else."""
        if not is_absolute_uri(name):
            raise ValueError(f"a custom claim is named by an absolute URI without a fragment, not {name!r}")
        self._narrowing.claims[name] = json.loads(json.dumps(value, allow_nan=False))


@dataclass(frozen=True, slots=True)
class TransactionApi:
    """`api.transaction`."""

    _narrowing: Narrowing

    def remove_target_scope(self, scope: str) -> None:
        """Take a scope away; one that would not be granted is none to take."""
        self._narrowing.removed_scopes.add(scope)


@dataclass(frozen=True, slots=True)
class AccessApi:
    """`api.access`."""

    _narrowing: Narrowing

    def deny(self, code: str, reason: str) -> None:
        """Refuse with one of the codes above; the caller reads the reason."""
        if code not in _DENIALS:
            raise ValueError(f"an Action denies with one of {', '.join(_DENIALS)}, not {code!r}")
        if not ERROR_DESCRIPTION.fullmatch(reason):
            raise ValueError("the reason is not what an error_description may hold (RFC 6749 5.2)")
        self._narrowing.denial = _DENIALS[code](reason)


@dataclass(frozen=True, slots=True)
class Api:
    """What an Action may do."""

    access_token: AccessTokenApi
    transaction: TransactionApi
    access: AccessApi


def api_on(narrowing: Narrowing) -> Api:
    """Make the api that writes to a narrowing."""
    return Api(AccessTokenApi(narrowing), TransactionApi(narrowing), AccessApi(narrowing))
