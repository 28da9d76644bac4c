"""Durations as time trackers write them: exact hours, and rounded to the hundredths that the API books."""

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from timesheet_exports.cells import CellError

NUMBER = r"([0-9]{1,9}(?:[.,][0-9]{1,30})?)"
FORMS = {  # by unit: what a duration looks like, and how many seconds each of its numbers counts
    "decimal": (re.compile(NUMBER), (3600,)),
    "H:MM": (re.compile(r"([0-9]{1,9}):([0-5][0-9])"), (3600, 60)),
    "H:MM:SS": (re.compile(r"([0-9]{1,9}):([0-5][0-9]):([0-5][0-9])"), (3600, 60, 1)),
    "1h 30m": (
        re.compile(
            rf"(?:{NUMBER} ?h(?:rs?|ours?)?)? ?(?:{NUMBER} ?m(?:ins?|inutes?)?)? ?"
            rf"(?:{NUMBER} ?s(?:ecs?|econds?)?)?"
        ),
        (3600, 60, 1),
    ),
}
# What a spreadsheet in American English makes of a duration: of 00:20:00, for instance, 12:20:00 AM.
CLOCK = re.compile(r"(1[0-2]|0?[1-9]):([0-5][0-9]):([0-5][0-9]) ?([AP])M", re.IGNORECASE)
MINUTES = re.compile(r"([0-9]{1,9}):([0-5][0-9]) ?min")  # 18:25 min, as Toggl Track writes less than an hour
ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "nearest": lambda hundredths: math.floor(hundredths + Fraction(1, 2)),
    "up": math.ceil,
    "down": math.floor,
    "exact": math.floor,
}


class Hours(NamedTuple):
    """Hours as a decimal with two places, and how much rounding has added to them."""

    text: str
    rounded: float


@lru_cache(4096)  # the same few come again and again
def hours_of(text: str, units: tuple[str, ...], rounding: str) -> Hours:
    """Return the hours of a duration in one of the units; raise CellError if the API would refuse them."""
    if not text:
        raise CellError("is empty")
    exact = _exact(text, units)
    if not 0 < exact <= 24:
        raise CellError(f"{text} is not more than 0 and at most 24")
    hundredths = ROUNDINGS[rounding](exact * 100)
    rounded = Fraction(hundredths, 100) - exact
    if rounded and rounding == "exact":
        raise CellError(f"{text} is not a whole number of hundredths, and this format does not round")
    if not hundredths:
        raise CellError(f"{text} is less than a hundredth of an hour, and rounds to nothing")
    return Hours(f"{hundredths // 100}.{hundredths % 100:02}", float(rounded))


def _exact(text: str, units: tuple[str, ...]) -> Fraction:
    for unit in (*units, "1h 30m"):  # what names its own units cannot be misread
        form, seconds = FORMS[unit]
        found = form.fullmatch(text)
        if found:
            return _sum(found.groups(), seconds)
    minutes = MINUTES.fullmatch(text)
    if minutes:
        return _sum(minutes.groups(), (60, 1))
    clock = CLOCK.fullmatch(text)
    if clock and units != ("decimal",):
        hour = int(clock[1]) % 12 + 12 * (clock[4] in "Pp")
        return _sum((str(hour), clock[2], clock[3]), (3600, 60, 1))
    if text.startswith("-"):
        raise CellError(f"{text} is not more than 0 and at most 24")
    if units == ("decimal",):
        raise CellError("is not a number of hours, such as 7.25")
    raise CellError(f"is not a duration of the form {' or '.join(units)}")


def _sum(numbers: Sequence[str | None], seconds: Sequence[int]) -> Fraction:
    parts = zip(numbers, seconds, strict=True)
    return sum((_number(number) * each for number, each in parts if number), Fraction(0)) / 3600


def _number(text: str) -> Fraction:
    whole, comma, decimals = text.partition(",")
    if len(decimals) == 3:
        raise CellError(f"{text} may be {whole}{decimals} or {whole}.{decimals}; write it with a point")
    if comma:
        text = f"{whole}.{decimals}"
    return Fraction(text)
