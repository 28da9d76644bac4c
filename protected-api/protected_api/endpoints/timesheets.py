"""Upload, create, read and delete timesheets. Not here: bodies and queries (json_requests.py), the store."""

import logging
from operator import itemgetter
from typing import Any

from flask import Blueprint, Response, url_for
from pydantic import ValidationError

from protected_api.endpoints.json_requests import json_body, json_response, query
from protected_api.endpoints.openapi import operation
from protected_api.problems import problem
from protected_api.resource_server import AccessToken, require_scope
from protected_api.timesheets.answers import Booked, EntryError, Problem, RefusedEntries, Timesheet
from protected_api.timesheets.answers import Timesheets as TimesheetPage
from protected_api.timesheets.models import MAX_ENTRIES, Batch, Entry, Query
from protected_api.timesheets.store import ApprovedError, BookingResult, TimesheetStore

Errors = list[EntryError]
log = logging.getLogger(__name__)
# Set by an Action of the authorization server (RFC 7519 4.2: a collision-resistant name).
DEPARTMENT = "https://exampleco.example/department"


def timesheet_routes(store: TimesheetStore) -> Blueprint:
    """Return the routes of this store."""
    routes = Blueprint("timesheets", __name__, url_prefix="/timesheets")

    @routes.post("/upload")
    @require_scope("batch:upload")
    @operation({200: Booked, 422: RefusedEntries}, body=Entry | Batch)
    def upload(token: AccessToken) -> Response:
        """Book one entry or a batch, all or none, each once."""
        body = json_body()
        is_batch = isinstance(body, dict) and body.keys() == {"entries"}
        batch = body["entries"] if is_batch else [body]
        result, errors = _book(store, token, batch)
        if errors:
            return _refuse(errors)
        counts = {"booked": result.booked, "unchanged": len(batch) - result.booked}
        log.info("timesheets uploaded", extra={"client_id": token.client_id, **counts})
        return json_response(counts)

    @routes.post("")
    @require_scope("create:timesheets")
    @operation({200: Timesheet, 201: Timesheet, 422: RefusedEntries}, body=Entry)
    def create(token: AccessToken) -> Response:
        """Book one entry once."""
        result, errors = _book(store, token, [json_body()])
        timesheet = result.first
        if timesheet is None:
            return _refuse(errors)
        response = json_response(timesheet)
        if result.booked:
            log.info("timesheet created", extra={"client_id": token.client_id, "id": timesheet["id"]})
            response.status_code = 201
        response.headers["Location"] = url_for(".delete", timesheet_id=timesheet["id"])
        return response

    @routes.get("")
    @require_scope("read:timesheets")
    @operation({200: TimesheetPage}, query=Query)
    def read(_: AccessToken) -> Response:
        """Read timesheets, in the order of booking."""
        page, next_cursor = store.page(query())
        return json_response({"timesheets": page, "next_cursor": next_cursor})

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


def _book(store: TimesheetStore, token: AccessToken, batch: Any) -> tuple[BookingResult, Errors]:
    department = token.claims.get(DEPARTMENT)
    if not isinstance(department, str) or not department.isprintable():
        department = None
    entries, errors = _validate(batch)
    result = store.book(token.client_id, department, entries, dry_run=bool(errors))
    for index, field in result.conflicts:
        reason = "Is booked with another value; if this one is right, delete that timesheet first"
        errors.append(EntryError(index=index, field=field, code="conflict", reason=reason))
    return result, sorted(errors, key=itemgetter("index"))


def _refuse(errors: Errors) -> Response:
    return problem(422, "Nothing was booked: correct the entries listed in errors.", errors=errors)


def _validate(batch: Any) -> tuple[dict[int, Entry], Errors]:
    """Return the good entries by their index, and an error for each thing that is wrong."""
    entries: dict[int, Entry] = {}
    if not isinstance(batch, list) or not 1 <= len(batch) <= MAX_ENTRIES:
        reason = f"Should be a list of 1 to {MAX_ENTRIES} entries"
        return entries, [EntryError(index=None, field="entries", code="invalid", reason=reason)]
    errors: Errors = []
    seen: set[str] = set()
    for index, given in enumerate(batch):
        try:
            entry = Entry.model_validate(given)
        except ValidationError as error:
            errors += _entry_errors(index, error)
            continue
        if entry.external_id in seen:
            reason = "Is the external_id of an earlier entry too"
            errors.append(EntryError(index=index, field="external_id", code="duplicate", reason=reason))
        seen.add(entry.external_id)
        entries[index] = entry
    return entries, errors


def _entry_errors(index: int, error: ValidationError) -> Errors:
    # One error per field, and one for all unknown fields: a body may name a hundred thousand.
    errors: dict[Any, EntryError] = {}
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        location = found["loc"]
        field = str(location[0])[:64] if location else None
        kind = "unknown" if found["type"] == "extra_forbidden" else location
        errors.setdefault(kind, EntryError(index=index, field=field, code="invalid", reason=found["msg"]))
    return list(errors.values())
