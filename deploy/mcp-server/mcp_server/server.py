"""The MCP server: who may call it, and its tools. FastMCP does the protocol and the check of tokens.

Not here: how the tools get their data (timesheets_api.py).
"""

import logging
from collections.abc import Callable
from datetime import date
from typing import Annotated, TypeVar

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider, require_scopes
from pydantic import AnyHttpUrl, ConfigDict, Field, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from mcp_server.call_log import log_call
from mcp_server.settings import Settings
from mcp_server.timesheets_api import ApiError, Entry, TimesheetsApi, TooManyError, WrongQueryError

HOURS = "read:hours"  # the scope of every call
ENTRIES = "read:entries"  # of what a person did on which day, in addition
# AnyHttpUrl itself adds a slash to an issuer without a path, which is then another issuer.
EXACT_URL = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))
log = logging.getLogger(__name__)
T = TypeVar("T")

First = Annotated[date, Field(description="the first day, as 2026-11-01")]
Last = Annotated[date, Field(description="the last day, which is included")]
UserId = Annotated[str, Field(min_length=1, max_length=64, description="the id of a contractor, as C-1001")]


def create_app(settings: Settings, api: TimesheetsApi) -> Starlette:
    """Return the ASGI app. It keeps no session, so any number of processes can serve it."""
    server = FastMCP("Timesheets", auth=token_check(settings), mask_error_details=True, middleware=[log_call])
    add_tools(server, api)

    async def alive(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    server.custom_route("/healthz", methods=["GET"])(alive)
    app: Starlette = server.http_app(
        path=settings.endpoint.path,
        stateless_http=True,
        json_response=True,
        host_origin_protection=True,  # against DNS rebinding
        allowed_hosts=[str(settings.endpoint.hostname)],
    )
    return app


def token_check(settings: Settings) -> RemoteAuthProvider:
    """Return what verifies callers' tokens, and names the authorization server to callers (RFC 9728)."""
    verifier = JWTVerifier(
        jwks_uri=settings.jwks_uri,
        issuer=settings.issuer,
        audience=settings.audience,
        algorithm=settings.signing_alg,
    )
    return RemoteAuthProvider(
        token_verifier=verifier,
        authorization_servers=[EXACT_URL.validate_python(settings.issuer)],
        base_url=f"{settings.endpoint.scheme}://{settings.endpoint.netloc}",
        scopes_supported=[HOURS, ENTRIES],
        required_scopes=[HOURS],  # the verifier's own would answer a missing scope with 401, not 403
        challenge_scopes=[HOURS],  # else the challenge names none, and clients ask for all that are supported
        resource_name="Timesheets MCP server",
    )


def add_tools(server: FastMCP, api: TimesheetsApi) -> None:
    """Add the tools. None of them knows the caller's token."""

    def hours_per_project(first: First, last: Last) -> dict[str, str]:
        """Return how many hours were booked on each project between two dates."""
        return _answer(lambda: api.hours_per_project(first, last))

    def list_timesheets(user_id: UserId, first: First, last: Last) -> list[Entry]:
        """List what one person booked between two dates, day by day."""
        return _answer(lambda: api.entries(user_id, first, last))

    server.tool(hours_per_project)
    server.tool(list_timesheets, auth=require_scopes(ENTRIES))


def _answer(call: Callable[[], T]) -> T:
    """Return what the API gives; raise ToolError, which says to the caller no more than it needs."""
    try:
        return call()
    except TooManyError:
        raise ToolError("These are too many timesheets for one call; ask for a shorter time.") from None
    except WrongQueryError:
        raise ToolError("The Timesheets API refuses this; correct the user_id and the dates.") from None
    except ApiError:
        log.exception("the Timesheets API gave no usable answer")
        raise ToolError("The Timesheets API cannot be read at present; try again later.") from None
