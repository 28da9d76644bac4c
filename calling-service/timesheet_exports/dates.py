"""Dates in the order that an export has them, as ISO 8601."""

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from timesheet_exports.cells import CellError

ORDERS = ("YMD", "DMY", "MDY")
OTHER_ORDER = {"DMY": "MDY", "MDY": "DMY"}
ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
PARTS = re.compile(
    r"([0-9]{1,4})([-./])([0-9]{1,2})\2([0-9]{1,4})"
    r"(?:[ T]00?:00(?::00(?:\.0+)?)?Z?| 12:00(?::00)? AM)?"  # a trailing midnight, as spreadsheets add it
)
DAY_NUMBER = re.compile(r"[0-9]{5}(?:[.,]0+)?")
FORM = {"YMD": "2026-11-09", "DMY": "09.11.2026 (day, month, year)", "MDY": "11/09/2026 (month, day, year)"}


@lru_cache(4096)  # the same few come again and again
def iso_date(text: str, order: str) -> str:
    """Return a date as 2026-11-09; raise CellError if it is none in this order.

    A date that begins with a year of four digits is taken in any order, since it cannot be misread. A year of
    two digits is taken only where the order has it last.
    """
    if not text:
        raise CellError("is empty")
    if not ISO.fullmatch(text):
        text = _rearranged(text, order)
    try:
        date.fromisoformat(text)
    except ValueError:
        raise CellError(f"{text} does not exist") from None
    return text


def in_another_order(dates: Iterable[str], order: str) -> str | None:
    """Return the first date that fits only the other order, if none fits only this one.

    Then the others, which fit both, would be read as other days than they are.
    """
    strange = None
    other = OTHER_ORDER.get(order, order)
    for text in dates:
        fits = _fits(text, order)
        fits_other = _fits(text, other)
        if fits and not fits_other:
            return None
        if fits_other and not fits:
            strange = strange or text
    return strange


def _fits(text: str, order: str) -> bool:
    try:
        iso_date(text, order)
    except CellError:
        return False
    return True


def _rearranged(text: str, order: str) -> str:
    found = PARTS.fullmatch(text)
    if DAY_NUMBER.fullmatch(text):
        raise CellError(f"{text} is a spreadsheet's number of a day; format the column as a date")
    if not found:
        raise CellError(f"is not a date of the form {FORM[order]}")
    first, _, second, third = found.groups()
    if len(first) == 4 and len(third) <= 2:
        return f"{first}-{second:0>2}-{third:0>2}"
    if order == "YMD" or len(third) not in {2, 4}:
        reason = f"is not a date of the form {FORM[order]}"
        if len(third) == 4:
            reason += "; if all dates are like it, set their order in a column map"
        raise CellError(reason)
    parts = dict(zip(order, (first, second, third), strict=True))
    day = parts["D"]
    month = parts["M"]
    if int(month) > 12 >= int(day):
        raise CellError(f"{text} is not a date of the form {FORM[order]}, the order of this export format")
    if len(third) == 2:  # as LibreOffice saves a date in American English
        third = f"20{third}"
    return f"{third}-{month:0>2}-{day:0>2}"
