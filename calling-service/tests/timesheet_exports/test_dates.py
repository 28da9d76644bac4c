import pytest
from hypothesis import given
from hypothesis import strategies as st
from timesheet_exports.cells import CellError
from timesheet_exports.dates import FORM, ORDERS, in_another_order, iso_date

OWN_ORDER = "; if all dates are like it, set their order in a column map"


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("2026-11-06", "YMD"),
        ("2026/11/6", "YMD"),
        ("2026.11.06", "YMD"),
        ("2026-11-06 00:00:00", "YMD"),
        ("2026-11-06T00:00:00", "YMD"),
        ("2026-11-06T00:00:00.000Z", "YMD"),
        ("2026-11-06 0:00", "YMD"),
        ("11/6/2026 12:00:00 AM", "MDY"),
        ("06.11.2026", "DMY"),
        ("6/11/2026", "DMY"),
        ("06-11-2026 00:00", "DMY"),
        ("11/06/2026", "MDY"),
        ("11/06/26", "MDY"),
        ("06.11.26", "DMY"),
        ("2026-11-06", "MDY"),  # begins with the year, so that it cannot be misread
    ],
)
def test_reads_a_date(text: str, order: str) -> None:
    assert iso_date(text, order) == "2026-11-06"


@pytest.mark.parametrize(
    ("text", "order", "reason"),
    [
        ("", "YMD", "is empty"),
        ("20261106", "YMD", "is not a date of the form 2026-11-09"),
        ("11/16/2026", "YMD", f"is not a date of the form 2026-11-09{OWN_ORDER}"),
        ("16.11.2026", "YMD", f"is not a date of the form 2026-11-09{OWN_ORDER}"),
        ("2026-11-06 09:30:00", "YMD", "is not a date of the form 2026-11-09"),
        ("2026-11/06", "YMD", "is not a date of the form 2026-11-09"),
        ("2026-11-31", "YMD", "2026-11-31 does not exist"),
        ("31.11.2026", "DMY", "2026-11-31 does not exist"),
        ("13/32/2026", "MDY", "2026-13-32 does not exist"),
        ("46342", "DMY", "46342 is a spreadsheet's number of a day; format the column as a date"),
        ("46342.0", "YMD", "46342.0 is a spreadsheet's number of a day; format the column as a date"),
        ("26-11-06", "YMD", "is not a date of the form 2026-11-09"),
        (
            "26/11/06",
            "MDY",
            f"26/11/06 is not a date of the form {FORM['MDY']}, the order of this export format",
        ),
        ("11/6/206", "MDY", f"is not a date of the form {FORM['MDY']}"),
        (
            "16/11/2026",
            "MDY",
            f"16/11/2026 is not a date of the form {FORM['MDY']}, the order of this export format",
        ),
        (
            "11.16.2026",
            "DMY",
            f"11.16.2026 is not a date of the form {FORM['DMY']}, the order of this export format",
        ),
        ("\u06606.11.2026", "DMY", f"is not a date of the form {FORM['DMY']}"),
    ],
)
def test_says_why_a_date_cannot_be_read(text: str, order: str, reason: str) -> None:
    with pytest.raises(CellError) as refused:
        iso_date(text, order)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("dates", "order", "strange"),
    [
        (["03/04/2026", "16/11/2026", "17/11/2026"], "MDY", "16/11/2026"),
        (["03/04/2026", "16/11/2026", "11/17/2026"], "MDY", None),  # a mistake in one row
        (["03/04/2026", "2026-11-16", "x"], "MDY", None),
        (["11.16.2026"], "DMY", "11.16.2026"),
        (["11/16/2026"], "YMD", None),
    ],
)
def test_knows_dates_in_another_order(dates: list[str], order: str, strange: str | None) -> None:
    assert in_another_order(dates, order) == strange


@given(st.dates(), st.sampled_from(ORDERS), st.sampled_from("-./"))
def test_reads_each_date_in_each_order(date: object, order: str, separator: str) -> None:
    year, month, day = str(date).split("-")
    parts = {"Y": year, "M": month, "D": day}
    assert iso_date(separator.join(parts[letter] for letter in order), order) == str(date)


@pytest.mark.parametrize(
    ("text", "order"), [("16.11.2026", "DMY"), ("11/16/2026", "MDY"), ("2026-11-16 00:00:00", "YMD")]
)
def test_reads_the_dates_of_other_tools(text: str, order: str) -> None:
    assert iso_date(text, order) == "2026-11-16"
