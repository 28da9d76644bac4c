"""An entry that equals a booked one in all but its id, which a spreadsheet may have changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling_service.database import connection, prepare
from timesheet_exports.column_map import read_column_map
from timesheet_exports.entry_rows import Entry

Import = Callable[..., Any]
Kill = Callable[[str, int], None]
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"


def same(number: int | str, hours: str = "1.00", note: str = "call") -> str:
    return f"2026-11-09,P,{note},{hours},C-1,{number}\n"


def equals(number: int | str, place: str) -> str:
    return (
        f"equals {number} ({place}) in all but its id, which a spreadsheet may have changed;"
        " if both are right, make them differ, for instance in the notes"
    )


def test_an_entry_that_equals_a_booked_one_in_all_but_its_id_is_rejected(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "week.csv").write_text(HEADER + same("0012345") + same("99"))
    (inbox / "week-touched.csv").write_text(HEADER + same("12345") + same("7", note="mail"))
    for _ in range(2):
        run = import_now(resend=True)
        assert run.rejected_rows == [
            ("week-touched.csv", 2, "entry_id", equals("0012345", "week.csv line 2"))
        ]
    assert sorted(books.entries) == ["0012345", "7", "99"]


def test_two_rows_of_one_file_may_differ_in_their_ids_alone(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2))
    assert import_now().counts == {"a.csv": ("done", 2, 2, 0, 0)}
    (inbox / "a.csv").write_text(HEADER + same(3) + same(1) + same(2))  # exported again, the newest first
    assert import_now().counts == {"a.csv": ("done", 3, 1, 2, 0)}
    (inbox / "b.csv").write_text(HEADER + same(4) + same(1))
    assert [reject[3] for reject in import_now().rejected_rows] == ["repeats 1 of a.csv line 3"]
    assert sorted(books.entries) == ["1", "2", "3", "4"]


def test_a_removed_export_is_remembered(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1))
    import_now()
    (inbox / "a.csv").unlink()
    (inbox / "b.csv").write_text(HEADER + same(2))
    assert import_now().rejected_rows == [("b.csv", 2, "entry_id", equals(1, "a.csv line 2"))]
    (inbox / "b.csv").write_text(HEADER + same(2, note="a second call"))
    assert import_now().rejected_rows == []


def test_an_entry_that_the_api_refused_is_no_reason_to_reject_another(
    inbox: Path, books: Any, import_now: Import
) -> None:
    books.entries = {"1": Entry("1", "C-1", "2026-11-09", "P", "2.00")}
    (inbox / "a.csv").write_text(HEADER + same(1))
    assert import_now().rejected_rows == [("a.csv", 2, "Hours", "is booked with other values")]
    (inbox / "b.csv").write_text(HEADER + same(2))
    assert import_now().rejected_rows == []


@pytest.mark.parametrize("point", ["kill_before", "kill_after"])
def test_killed_and_started_again_it_knows_its_own_rows(
    inbox: Path, books: Any, import_now: Import, import_killed: Kill, point: str
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2))
    import_killed(point, 1)
    assert import_now().rejected_rows == []
    assert sorted(books.entries) == ["1", "2"]


def test_adopts_a_ledger_that_knows_no_likeness(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1))
    import_now()
    with connection(inbox.parent / "state") as database:
        database.execute("DROP TABLE likenesses")
    prepare(inbox.parent / "state")
    assert import_now().rejected_rows == []
    import_now(resend=True)  # learns it
    (inbox / "b.csv").write_text(HEADER + same(2))
    assert import_now().rejected_rows == [("b.csv", 2, "entry_id", equals(1, "a.csv line 2"))]


def test_an_entry_of_harvest_whose_notes_were_edited_is_known(inbox: Path, import_now: Import) -> None:
    columns = "Date,First Name,Last Name,Client,Project,Task,Notes,Hours,Employee Id\n"
    for notes, state in (("", (1, 0)), ("call", (0, 1)), ("CALL", (0, 1))):
        (inbox / "a.csv").write_text(f"{columns}2026-11-09,Zoë,L,Acme,Shop,Dev,{notes},1,C-1\n")
        run = import_now(column_map=read_column_map("harvest"))
        assert (run.booked, run.unchanged) == state


def test_an_entry_is_remembered_when_a_later_export_has_it_with_other_values(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same("0012"))
    import_now()
    (inbox / "a.csv").write_text(HEADER + same("0012", "2.00"))
    assert [reject[3] for reject in import_now().rejected_rows] == ["is booked with other values"]
    (inbox / "a.csv").write_text(HEADER + same("12"))
    (reject,) = import_now().rejected_rows
    assert reject[3].startswith("equals 0012 in all but its id, which")
    assert sorted(books.entries) == ["0012"]
