"""What callers send, as pydantic models: time entries, the query of a read. Not here: the store."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_ENTRIES = 500
MAX_ID = 2**63 - 1  # SQLite's largest integer


def _printable(value: str) -> str:
    if not value.isprintable() or not value.strip():
        raise PydanticCustomError("printable", "Input should be printable and not blank")
    return value


def _calendar_date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date", "Input should be a date that exists") from None
    return value


def _plain_decimal(value: Any) -> Any:
    # Decimal() also reads 1_0, blanks and the digits of other scripts; a float is exact no more.
    if isinstance(value, bool | float) or (
        isinstance(value, str) and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)
    ):
        raise PydanticCustomError("decimal", "Input should be a decimal number, as 7.25")
    return value


Identifier = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Project = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Date = Annotated[
    str,
    Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_calendar_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Flag = Annotated[Literal["true", "false"], AfterValidator(lambda text: text == "true")]
Hours = Annotated[Decimal, BeforeValidator(_plain_decimal), Field(gt=0, le=24, decimal_places=2)]


class Entry(BaseModel):
    """One time entry; `hours` exact to the hundredth, `external_id` the caller's own name for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    external_id: Identifier
    user_id: Identifier
    date: Date
    project: Project
    hours: Hours


class Query(BaseModel):
    """Which timesheets to read; dates inclusive, `cursor` from the answer before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[int, Field(ge=0, le=MAX_ID)] = 0
    user_id: Identifier | None = None
    project: Project | None = None
    from_: Annotated[Date | None, Field(alias="from")] = None
    to: Date | None = None
    approved: Flag | None = None
