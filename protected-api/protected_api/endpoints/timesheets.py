"""Upload, create, read and delete timesheets.

Not here: the token (authorization.py), bodies and queries (json_requests.py), the store (timesheets.py).
"""

import logging
from operator import itemgetter
from typing import Any

from flask import Blueprint, Response
from pydantic import ValidationError

from protected_api.endpoints.json_requests import json_body, json_response, query
from protected_api.endpoints.operation import operation
from protected_api.problems import problem
from protected_api.resource_server.access_token import AccessToken
from protected_api.resource_server.authorization import require_scope
from protected_api.timesheets.answers import Booked, Code, EntryError, Problem, RefusedEntries, Timesheet
from protected_api.timesheets.answers import Timesheets as Page
from protected_api.timesheets.models import MAX_ENTRIES, Batch, Entry, Query
from protected_api.timesheets.store import ApprovedError, Booker, Booking, Timesheets

log = logging.getLogger(__name__)
# Set by an Action of the authorization server (RFC 7519 4.2: a collision-resistant name).
DEPARTMENT = "https://exampleco.example/department"


def timesheets(store: Timesheets) -> Blueprint:
    """Return the routes over this store."""
    routes = Blueprint("timesheets", __name__, url_prefix="/timesheets")

    @routes.post("/upload")
    @require_scope("batch:upload")
    @operation({200: Booked, 422: RefusedEntries}, body=Entry | Batch)
    def upload(token: AccessToken) -> Response:
        """Book one entry or a batch, all or none, each once."""
        body = json_body()
        batch = body["entries"] if isinstance(body, dict) and body.keys() == {"entries"} else [body]
        booking, errors = _book(store, _booker(token), batch)
        if errors:
            return _refused(errors)
        counts = {"booked": booking.booked, "unchanged": booking.unchanged}
        log.info("timesheets uploaded", extra={"client_id": token.client_id, **counts})
        return json_response(counts)

    @routes.post("")
    @require_scope("create:timesheets")
    @operation({200: Timesheet, 201: Timesheet, 422: RefusedEntries}, body=Entry)
    def create(token: AccessToken) -> Response:
        """Book one entry once."""
        booking, errors = _book(store, _booker(token), [json_body()])
        timesheet = booking.first
        if timesheet is None:
            return _refused(errors)
        if booking.booked:
            log.info("timesheet created", extra={"client_id": token.client_id, "id": timesheet["id"]})
        response = json_response(timesheet, 201 if booking.booked else 200)
        response.headers["Location"] = f"/timesheets/{timesheet['id']}"
        return response

    @routes.get("")
    @require_scope("read:timesheets")
    @operation({200: Page}, query=Query)
    def read(_: AccessToken) -> Response:
        """Read timesheets, in the order of booking."""
        page, cursor = store.page(query())
        return json_response({"timesheets": page, "next_cursor": None if cursor is None else str(cursor)})

    @routes.delete("/<timesheet:timesheet_id>")
    @require_scope("delete:timesheets")
    @operation({204: None, 404: Problem, 409: Problem})
    def delete(token: AccessToken, timesheet_id: int) -> Response:
        """Delete a timesheet that is not approved."""
        try:
            store.delete(timesheet_id)
        except LookupError:
            return problem(404, "There is no such timesheet.")
        except ApprovedError:
            return problem(409, "An approved timesheet cannot be deleted.")
        log.info("timesheet deleted", extra={"client_id": token.client_id, "id": timesheet_id})
        return Response(status=204)

    return routes


def _booker(token: AccessToken) -> Booker:
    department = token.claims.get(DEPARTMENT)
    printable = isinstance(department, str) and department.isprintable()
    return Booker(token.client_id, department if printable else None)


def _book(store: Timesheets, booker: Booker, batch: Any) -> tuple[Booking, list[EntryError]]:
    entries, errors = _validated(batch)
    booking = store.book(booker, entries, only_check=bool(errors))
    errors += [_error(*entry, "conflict", "Is booked with another value") for entry in booking.conflicts]
    return booking, sorted(errors, key=itemgetter("index"))


def _refused(errors: list[EntryError]) -> Response:
    return problem(422, "Nothing was booked: correct the entries listed in errors.", errors=errors)


def _validated(batch: Any) -> tuple[list[tuple[int, Entry]], list[EntryError]]:
    """Return the good entries with their index, and an error for each thing wrong with the others."""
    if not isinstance(batch, list) or not 1 <= len(batch) <= MAX_ENTRIES:
        return [], [_error(None, "entries", "invalid", f"Should be a list of 1 to {MAX_ENTRIES} entries")]
    entries: list[tuple[int, Entry]] = []
    errors: list[EntryError] = []
    for index, given in enumerate(batch):
        try:
            entries.append((index, Entry.model_validate(given)))
        except ValidationError as error:
            errors += _entry_errors(index, error)
    seen: set[str] = set()
    for index, entry in entries:
        if entry.external_id in seen:
            errors.append(
                _error(index, "external_id", "duplicate", "Is the external_id of an earlier entry too")
            )
        seen.add(entry.external_id)
    return entries, errors


def _entry_errors(index: int, error: ValidationError) -> list[EntryError]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # One row per field, and one for all unknown fields: a body may name a hundred thousand.
    rows = {e["type"] if e["type"] == "extra_forbidden" else e["loc"]: e for e in reversed(found)}
    return [
        _error(index, str(row["loc"][0])[:64] if row["loc"] else None, "invalid", row["msg"])
        for row in reversed(rows.values())
    ]


def _error(index: int | None, field: str | None, code: Code, reason: str) -> EntryError:
    return {"index": index, "field": field, "code": code, "reason": reason}
