"""Read queries and JSON bodies strictly (RFC 8259), and answer JSON. Not here: the entries (models.py)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from flask import Response, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest, ClientDisconnected, UnsupportedMediaType

from protected_api.lean_flask import WholeResponse
from protected_api.resource_server.strict_formats import json_value
from protected_api.timesheets.models import Query

EVERYTHING = Query()
CUT_SHORT = "The body ends early, or is not framed as it says."


def json_response(body: Mapping[str, Any]) -> Response:
    """Return a JSON answer."""
    return WholeResponse(orjson.dumps(body), mimetype="application/json")


def query() -> Query:
    """Return the filters and the page that the query asks for; raise BadRequest."""
    given = request.args.to_dict(flat=False)
    if not given:
        return EVERYTHING
    if any(len(values) > 1 for values in given.values()):
        raise BadRequest("A query parameter repeats.")
    try:
        return Query.model_validate({name: value for name, [value] in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise BadRequest(f"{first['loc'][0]}: {first['msg']}.") from None


def json_body() -> Any:
    """Return the JSON body, with numbers as exact decimals; raise an HTTPException."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("The content type must be application/json.")
    try:
        return json_value(_whole_body(), parse_float=Decimal)
    except ValueError:
        raise BadRequest("The body is not a JSON text in UTF-8 with unique members.") from None


def _whole_body() -> bytes:
    try:
        body = request.stream.read()
        if request.content_length is None:
            request.stream.read(1)  # only now does Werkzeug raise a 413 for a chunked body that it cut
    except (OSError, ParseException, ClientDisconnected):  # not logged: gunicorn's message quotes the body
        raise BadRequest(CUT_SHORT) from None
    if len(body) < (request.content_length or 0):
        raise BadRequest(CUT_SHORT)
    return body
