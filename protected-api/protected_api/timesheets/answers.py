"""What the API answers, as types: for the store, and for the API's description (openapi.py)."""

from typing import (  # pydantic reads the NotRequired, TypedDict of typing only from Python 3.12 on
    Literal,
    NotRequired,
)

from typing_extensions import TypedDict


class Timesheet(TypedDict):
    """A booked entry; `hours` with two decimals, `approved_at` in UTC (RFC 3339)."""

    id: int
    external_id: str
    user_id: str
    date: str
    project: str
    hours: str
    client_id: str
    department: str | None
    approved_by: str | None
    approved_at: str | None


class Timesheets(TypedDict):
    """A page of timesheets; `next_cursor` is null on the last page."""

    timesheets: list[Timesheet]
    next_cursor: str | None


class Approvals(TypedDict):
    """A page of timesheets with their approvals; `next_cursor` is null on the last page."""

    approvals: list[Timesheet]
    next_cursor: str | None


class Booked(TypedDict):
    """How many entries of an upload are new, and how many were booked before with the same values."""

    booked: int
    unchanged: int


class Problem(TypedDict):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class EntryError(TypedDict):
    """What is wrong with an entry, by its index in the batch; `field` is null if it is the whole entry."""

    index: int | None
    field: str | None
    code: Literal["invalid", "duplicate", "conflict"]
    reason: str


class RefusedEntries(Problem):
    """Nothing was booked, because of these errors."""

    errors: list[EntryError]


class RefusedToken(TypedDict):
    """Why the access token is refused (RFC 6750 3.1); `scope` is the scope that it lacks."""

    error: Literal["invalid_request", "invalid_token", "insufficient_scope"]
    error_description: str
    scope: NotRequired[str]


class Health(TypedDict):
    """Whether the service can serve requests, and what is missing if it cannot."""

    status: Literal["ok", "ready", "not ready"]
    reason: NotRequired[str]


class ProtectedResource(TypedDict):
    """The metadata of the API (RFC 9728 2)."""

    resource: str
    resource_name: str
    authorization_servers: list[str]
    bearer_methods_supported: list[str]
    scopes_supported: list[str]
    dpop_signing_alg_values_supported: NotRequired[list[str]]
    dpop_bound_access_tokens_required: NotRequired[bool]
    tls_client_certificate_bound_access_tokens: NotRequired[bool]
