"""Upload and read timesheets. Not here: the token (authorization.py), how they are stored (timesheets.py)."""

import json
import logging
from decimal import Decimal
from operator import itemgetter
from typing import Any

from flask import Blueprint, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from protected_api.access_token import AccessToken
from protected_api.authorization import require_scope
from protected_api.models import MAX_ENTRIES, Entry, Query
from protected_api.problems import InvalidRequestError, problem
from protected_api.timesheets import Timesheets

log = logging.getLogger(__name__)
EVERYTHING = Query()


def timesheets(store: Timesheets) -> Blueprint:
    """Return the routes over this store."""
    routes = Blueprint("timesheets", __name__, url_prefix="/timesheets")

    @routes.post("/upload")
    @require_scope("batch:upload")
    def upload(token: AccessToken) -> Response:
        entries, errors = _validated(_json_body())
        booking = store.book(token.client_id, entries, only_check=bool(errors))
        errors += [_error(*entry, "conflict", "Is booked with another value") for entry in booking.conflicts]
        if errors:
            errors.sort(key=itemgetter("index"))
            return problem(422, "Nothing was booked: correct the entries listed in errors.", errors=errors)
        counts = {"booked": booking.booked, "unchanged": booking.unchanged}
        log.info("timesheets uploaded", extra={"client_id": token.client_id, **counts})
        return _json(counts)

    @routes.get("")
    @require_scope("read:timesheets")
    def read(_: AccessToken) -> Response:
        page, cursor = store.page(_query())
        return _json({"timesheets": page, "next_cursor": None if cursor is None else str(cursor)})

    return routes


def _json(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), mimetype="application/json")


def _query() -> Query:
    given = request.args.to_dict(flat=False)
    if not given:
        return EVERYTHING
    if any(len(values) > 1 for values in given.values()):
        raise InvalidRequestError("A query parameter repeats.")
    try:
        return Query.model_validate({name: value for name, [value] in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InvalidRequestError(f"{first['loc'][0]}: {first['msg']}.") from None


def _json_body() -> Any:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("The content type must be application/json.")
    body = request.stream.read()
    request.stream.read(
        1
    )  # Werkzeug cuts a chunked body at the limit, and says so (413) only when asked again.
    try:
        return json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_unique_members,
        )
    except (ValueError, RecursionError):
        raise InvalidRequestError("The body is not a JSON text in UTF-8 with unique members.") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a repeated member")
    return members


def _validated(body: Any) -> tuple[list[tuple[int, Entry]], list[dict[str, Any]]]:
    """Return the good entries with their index, and an error for each thing wrong with the others."""
    batch = body["entries"] if isinstance(body, dict) and body.keys() == {"entries"} else [body]
    if not isinstance(batch, list) or not 1 <= len(batch) <= MAX_ENTRIES:
        return [], [_error(None, "entries", "invalid", f"Should be a list of 1 to {MAX_ENTRIES} entries")]
    entries: list[tuple[int, Entry]] = []
    errors: list[dict[str, Any]] = []
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


def _entry_errors(index: int, error: ValidationError) -> list[dict[str, Any]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # One row per field, and one for all unknown fields: a body may name a hundred thousand.
    rows = {e["type"] if e["type"] == "extra_forbidden" else e["loc"]: e for e in reversed(found)}
    return [
        _error(index, str(row["loc"][0])[:64] if row["loc"] else None, "invalid", row["msg"])
        for row in reversed(rows.values())
    ]


def _error(index: int | None, field: str | None, code: str, reason: str) -> dict[str, Any]:
    return {"index": index, "field": field, "code": code, "reason": reason}
