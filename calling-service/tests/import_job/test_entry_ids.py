"""An entry id counts once: a row that repeats one is rejected, and a refused row can be corrected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from timesheet_exports.entry_rows import Entry

Import = Callable[..., Any]
Kill = Callable[[str, int], None]
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
CONFLICT = ("Hours", "is booked with other values")


def row(number: int, hours: str = "1.00", project: str = "P") -> str:
    return f"2026-11-09,{project},note {number},{hours},C-1,{number}\n"


def booked_before(number: int, hours: str) -> dict[str, Entry]:
    return {str(number): Entry(str(number), "C-1", "2026-11-09", "P", hours)}


def test_a_repeated_id_is_rejected_naming_the_first_line(inbox: Path, books: Any, import_now: Import) -> None:
    (inbox / "week.csv").write_text(HEADER + row(1) + row(2) + row(1, "2.00"))
    (inbox / "week-late.csv").write_text(HEADER + row(2, "3.00") + row(3))
    for run in (import_now(), import_now(resend=True)):
        assert run.rejected_rows == [
            ("week.csv", 4, "entry_id", "repeats 1 of week.csv line 2"),
            ("week-late.csv", 2, "entry_id", "repeats 2 of week.csv line 3"),
        ]
    assert {entry.hours for entry in books.entries.values()} == {"1.00"}


def test_an_export_may_be_replaced_by_a_longer_one(inbox: Path, books: Any, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2))
    import_now()
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "5.00") + row(3))
    run = import_now()
    assert run.counts == {"a.csv": ("done", 3, 1, 1, 1)}
    assert run.rejected_rows == [("a.csv", 3, "Hours", "is booked with other values")]
    assert sorted(books.entries) == ["1", "2", "3"]


def test_a_row_that_the_api_refuses_can_be_corrected_in_another_file(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))
    import_now()
    (inbox / "a.csv").write_text(HEADER + row(1, "2.00"))
    assert import_now().rejected_rows == [("a.csv", 2, "Hours", "is booked with other values")]
    books.entries.clear()  # by hand, say
    (inbox / "b.csv").write_text(HEADER + row(1, "3.00"))
    assert import_now().rejected_rows == []
    assert {entry.hours for entry in books.entries.values()} == {"3.00"}


@pytest.mark.parametrize("between", [0, 1, 498, 499, 500])
def test_a_row_that_the_api_refuses_can_be_corrected_in_any_later_row(
    inbox: Path, books: Any, import_now: Import, between: int
) -> None:
    books.entries = booked_before(1, "1.00")
    rows = [row(1, "2.00"), row(1, "3.00"), *map(row, range(10, 10 + between)), row(1), row(1)]
    (inbox / "a.csv").write_text(HEADER + "".join(rows))
    run = import_now()
    assert run.counts == {"a.csv": ("done", between + 4, between, 1, 3)}
    assert run.rejected_rows == [
        ("a.csv", 2, *CONFLICT),
        ("a.csv", 3, *CONFLICT),
        ("a.csv", between + 5, "entry_id", f"repeats 1 of a.csv line {between + 4}"),
    ]


@pytest.mark.parametrize(("point", "chunk"), [("kill_before", 1), ("kill_before", 2), ("kill_after", 2)])
def test_killed_before_or_after_a_correction_it_gives_the_same_reasons(
    inbox: Path, books: Any, import_now: Import, *, import_killed: Kill, point: str, chunk: int
) -> None:
    books.entries = booked_before(1, "1.00")
    (inbox / "a.csv").write_text(HEADER + row(1, "2.00") + row(1) + row(1, "3.00"))
    import_killed(point, chunk)
    for run in (import_now(), import_now(resend=True)):
        assert run.rejected_rows == [
            ("a.csv", 2, *CONFLICT),
            ("a.csv", 4, "entry_id", "repeats 1 of a.csv line 3"),
        ]
