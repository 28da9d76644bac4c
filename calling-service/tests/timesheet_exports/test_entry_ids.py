from dataclasses import replace

import pytest
from timesheet_exports.column_map import read_column_map
from timesheet_exports.entry_ids import IdMaker, likeness, normal_form

TOGGL = read_column_map("toggl")


@pytest.mark.parametrize(
    ("order", "same"),
    [
        ("YMD", ["09:00", "9:00", "09:00:00", "9:00:00 AM", "9:00 am", "9:00\u202fa.m.", "09:00:00.000"]),
        ("YMD", ["00:15", "12:15 AM", "0:15:00"]),
        ("YMD", ["14:05:07", "2:05:07 PM", "02:05:07 PM"]),
        ("YMD", ["12:30", "12:30 PM"]),
        ("MDY", ["2026-11-06", "11/6/2026", "11/06/2026", "2026-11-06 00:00:00"]),
        ("DMY", ["2026-11-06", "06.11.2026", "6/11/2026"]),
        ("YMD", ["0012", "12", "'0012", '="0012"', "12.0"]),
        ("YMD", ["12345678901234567890", "12345678901234600000"]),  # 15 digits are what a spreadsheet keeps
        ("YMD", ["Café  au lait", "Cafe\u0301 au lait ", "Café\u00a0au lait"]),
        ("YMD", ["2nd  review", "2nd review"]),
    ],
)
def test_what_a_spreadsheet_writes_anew_has_the_same_normal_form(order: str, same: list[str]) -> None:
    assert len({normal_form(cell, order) for cell in same}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("09:00", "09:01"), ("9:00 AM", "9:00 PM"), ("Acme", "acme"), ("1", "2"), ("", "0")]
)
def test_what_differs_has_another_normal_form(one: str, other: str) -> None:
    assert normal_form(one, "YMD") != normal_form(other, "YMD")


def test_an_id_is_a_digest_that_is_the_same_in_each_export() -> None:
    made = IdMaker(TOGGL).next_id(("zoe@exampleco.example", "2026-11-09", "09:00:00"))
    assert made == "toggl-5d38602a1a185f6aab2b9d1590d9c39b"
    again = IdMaker(TOGGL).next_id(("zoe@exampleco.example", "2026-11-09", "9:00:00 AM"))
    assert again == made


def test_rows_with_the_same_cells_are_numbered() -> None:
    ids = IdMaker(TOGGL)
    cells = ("zoe@exampleco.example", "2026-11-09", "09:00:00")
    first, second, other, third = (
        ids.next_id(cells),
        ids.next_id(cells),
        ids.next_id("abc"),
        ids.next_id(cells),
    )
    assert (second, third) == (f"{first}-2", f"{first}-3")
    assert not other.startswith(first)


@pytest.mark.parametrize(
    ("text", "is_made"),
    [
        ("toggl-" + "0" * 32, True),
        ("toggl-" + "0" * 32 + "-12", True),
        ("harvest-" + "0" * 32, False),
        ("toggl-" + "0" * 31, False),
        ("", False),
    ],
)
def test_knows_the_ids_that_it_has_made(text: str, is_made: bool) -> None:
    assert IdMaker(TOGGL).is_made(text) == is_made
    assert not IdMaker(replace(TOGGL, id_prefix="")).is_made(text)


def test_cells_do_not_run_into_each_other() -> None:
    assert likeness(("ab", "c"), "", "YMD") != likeness(("a", "bc"), "", "YMD")


def test_takes_a_cell_that_is_not_utf_8() -> None:
    assert likeness(("a\udcff",), "", "YMD") != likeness(("a",), "", "YMD")
