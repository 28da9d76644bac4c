from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timesheet_exports.cells import CellError
from timesheet_exports.durations import FORMS, Hours, hours_of

ALL = tuple(FORMS)


@pytest.mark.parametrize(
    ("text", "unit", "hours"),
    [
        ("7.5", "decimal", "7.50"),
        ("7,5", "decimal", "7.50"),
        ("7,25", "decimal", "7.25"),
        ("1.50000", "decimal", "1.50"),
        ("1,5000", "decimal", "1.50"),
        ("1.500000000000000", "decimal", "1.50"),
        ("07.25", "decimal", "7.25"),
        ("24", "decimal", "24.00"),
        ("1:30", "H:MM", "1.50"),
        ("0:06", "H:MM", "0.10"),
        ("01:30:00", "H:MM:SS", "1.50"),
        ("24:00:00", "H:MM:SS", "24.00"),
        ("1h 30m", "1h 30m", "1.50"),
        ("1h30m", "1h 30m", "1.50"),
        ("1.5h", "1h 30m", "1.50"),
        ("0,75 h", "1h 30m", "0.75"),
        ("90m", "1h 30m", "1.50"),
        ("90 min", "1h 30m", "1.50"),
        ("2 hours 15 minutes", "1h 30m", "2.25"),
        ("1h 29m 60s", "1h 30m", "1.50"),
        ("1.5h", "decimal", "1.50"),  # it names its own units
        ("01:30:00 AM", "H:MM:SS", "1.50"),  # as spreadsheets in American English save it
        ("12:15:00 AM", "H:MM", "0.25"),
        ("12:30:00 PM", "H:MM:SS", "12.50"),
        ("1:30:00 pm", "H:MM:SS", "13.50"),
        ("18:36 min", "H:MM:SS", "0.31"),  # minutes and seconds
    ],
)
def test_reads_a_duration(text: str, unit: str, hours: str) -> None:
    assert hours_of(text, (unit,), "exact") == Hours(hours, 0.0)


@pytest.mark.parametrize(
    ("text", "units", "reason"),
    [
        ("", ALL, "is empty"),
        ("-", ("decimal",), "- is not more than 0 and at most 24"),
        ("-1.5", ("decimal",), "-1.5 is not more than 0 and at most 24"),
        ("-01:30:00", ("H:MM:SS",), "-01:30:00 is not more than 0 and at most 24"),
        ("0", ("decimal",), "0 is not more than 0 and at most 24"),
        ("24.01", ("decimal",), "24.01 is not more than 0 and at most 24"),
        ("25:00:00", ("H:MM:SS",), "25:00:00 is not more than 0 and at most 24"),
        ("24:00:01", ("H:MM:SS",), "24:00:01 is not more than 0 and at most 24"),
        ("1,234", ("decimal",), "1,234 may be 1234 or 1.234; write it with a point"),
        ("1.234,5", ("decimal",), "is not a number of hours, such as 7.25"),
        ("1,234.5", ("decimal",), "is not a number of hours, such as 7.25"),
        ("1:30", ("decimal",), "is not a number of hours, such as 7.25"),
        ("7.5E+00", ("decimal",), "is not a number of hours, such as 7.25"),
        ("+7", ("decimal",), "is not a number of hours, such as 7.25"),
        ("1:30", ("H:MM:SS",), "is not a duration of the form H:MM:SS"),
        ("0.0625", ("H:MM:SS", "H:MM"), "is not a duration of the form H:MM:SS or H:MM"),
        ("01:75:00", ("H:MM:SS",), "is not a duration of the form H:MM:SS"),
        ("01:30:00 AM", ("decimal",), "is not a number of hours, such as 7.25"),
        ("13:30:00 PM", ("H:MM:SS",), "is not a duration of the form H:MM:SS"),
        ("30m 1h", ("1h 30m",), "is not a duration of the form 1h 30m"),
        ("00:00:17", ("H:MM:SS",), "00:00:17 is less than a hundredth of an hour, and rounds to nothing"),
    ],
)
def test_says_why_a_duration_cannot_be_booked(text: str, units: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CellError) as refused:
        hours_of(text, units, "nearest")
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("rounding", "text", "hours", "added"),
    [
        ("nearest", "00:20:00", "0.33", -1 / 300),
        ("nearest", "00:40:00", "0.67", 1 / 300),
        ("nearest", "00:00:18", "0.01", 0.005),
        ("up", "00:20:00", "0.34", 2 / 300),
        ("down", "00:40:00", "0.66", -2 / 300),
        ("exact", "00:30:00", "0.50", 0),
    ],
)
def test_rounds_to_hundredths_and_says_what_that_added(
    rounding: str, text: str, hours: str, added: float
) -> None:
    rounded = hours_of(text, ("H:MM:SS",), rounding)
    assert rounded.text == hours
    assert rounded.rounded == pytest.approx(added)


@pytest.mark.parametrize("text", ["0.3333", "1.005", "0.333333333333333", "7.499999999999999"])
def test_what_is_not_a_hundredth_is_refused_where_nothing_is_rounded(text: str) -> None:
    with pytest.raises(
        CellError, match="is not a whole number of hundredths, and this format does not round"
    ):
        hours_of(text, ("decimal",), "exact")


@given(st.integers(18, 24 * 3600))
def test_hours_and_what_rounding_added_are_the_duration(seconds: int) -> None:
    text = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    hours, rounded = hours_of(text, ("H:MM:SS",), "nearest")
    assert float(Fraction(hours)) - rounded == pytest.approx(seconds / 3600)
    assert abs(rounded) <= 0.005


@pytest.mark.parametrize(
    ("text", "hours"), [("01:30:00", "1.50"), ("1:30", "1.50"), ("18:25 min", "0.31"), ("1.5h", "1.50")]
)
def test_reads_the_durations_of_other_tools(text: str, hours: str) -> None:
    assert hours_of(text, ("H:MM:SS", "H:MM"), "nearest").text == hours
