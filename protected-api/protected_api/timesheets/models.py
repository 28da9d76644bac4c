"""What callers send, as pydantic models: time entries, the query of a read. Not here: the store."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from protected_api.timesheets.names import NORMALISED_PATTERN, PATTERN, normalised, reason

MAX_ENTRIES = 500  # of an upload
MAX_PAGE = 500  # timesheets
MAX_ID = 2**63 - 1  # SQLite's largest integer

HOURS = r"^0*([1-9]|1[0-9]|2[0-3])(\.[0-9]{1,2}0*)?$|^0+\.(0[1-9]|[1-9][0-9]?)0*$|^0*24(\.0+)?$"


def _printable(value: str) -> str:
    if reason(value):
        raise PydanticCustomError("printable", "Input should be printable and not blank")
    return value


def _calendar_date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date", "Input should be a date that exists") from None
    return value


def _plain_decimal(value: Any) -> Any:
    # Decimal() also reads 1_0, blanks and the digits of other scripts; a float is no longer exact.
    if isinstance(value, bool | float) or (
        isinstance(value, str) and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)
    ):
        raise PydanticCustomError("decimal", "Input should be a decimal number, as 7.25")
    return value


def _digits(value: str) -> str:
    # int() also reads 1_0, 1.0, blanks and the digits of other scripts.
    if not re.fullmatch("[0-9]{1,19}", value):
        raise PydanticCustomError("digits", "Input should be a whole number")
    return value


def _text(longest: int, pattern: str) -> tuple[Any, ...]:
    schema = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern}
    return Field(min_length=1, max_length=longest), WithJsonSchema(schema)


Identifier = Annotated[str, *_text(64, NORMALISED_PATTERN), AfterValidator(_printable)]
Person = Annotated[str, *_text(64, PATTERN), AfterValidator(normalised), AfterValidator(_printable)]
Project = Annotated[str, *_text(100, PATTERN), AfterValidator(normalised), AfterValidator(_printable)]
Date = Annotated[
    str,
    Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_calendar_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]
NUMBER_SCHEMA = {"type": "number", "exclusiveMinimum": 0, "maximum": 24}
HOURS_SCHEMA = {
    "description": "At most two decimals.",
    "anyOf": [NUMBER_SCHEMA, {"type": "string", "pattern": HOURS}],
}
Hours = Annotated[
    Decimal,
    BeforeValidator(_plain_decimal),
    Field(gt=0, le=24, decimal_places=2),
    WithJsonSchema(HOURS_SCHEMA),
]
# Every value in a query is text.
Flag = Annotated[
    Literal["true", "false"], AfterValidator(lambda text: text == "true"), WithJsonSchema({"type": "boolean"})
]
Absent = SkipJsonSchema[None]


class Entry(BaseModel, extra="forbid", frozen=True):
    """One time entry: `hours` are exact to the hundredth, `external_id` is the caller's own name for it."""

    external_id: Identifier
    user_id: Person
    date: Date
    project: Project
    hours: Hours


class Batch(BaseModel, extra="forbid"):
    """Entries that are booked all or none. Each is validated by itself, to name all errors."""

    entries: Annotated[list[Entry], Field(min_length=1, max_length=MAX_ENTRIES)]


class Query(BaseModel, extra="forbid", frozen=True):
    """Which timesheets to read: the dates are inclusive, `cursor` comes from the answer before."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE), BeforeValidator(_digits)] = 100
    cursor: Annotated[int, Field(ge=0, le=MAX_ID), BeforeValidator(_digits)] = 0
    user_id: Person | Absent = None
    project: Project | Absent = None
    from_: Annotated[Date | Absent, Field(alias="from")] = None
    to: Date | Absent = None
    approved: Flag | Absent = None
