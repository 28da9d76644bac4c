"""The rejects file: what is in it, and that it can be corrected and fed back."""

import csv
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from timesheet_exports.column_map import read_column_map
from timesheet_exports.entry_rows import Entry

Import = Callable[..., Any]
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"


def row(number: int, hours: str = "1.00", project: str = "P") -> str:
    return f"2026-11-09,{project},note {number},{hours},C-1,{number}\n"


def same(number: int, hours: str = "1.00") -> str:
    """Return a row that differs from another in nothing but its id, or also in its hours."""
    return f"2026-11-09,P,call,{hours},C-1,{number}\n"


def test_rejects_are_listed_in_the_order_of_their_lines(inbox: Path, books: Any, import_now: Import) -> None:
    books.entries = {number: Entry(number, "C-1", "2026-11-09", "P", "1.00") for number in ("1", "2")}
    lines = [row(3), row(3), row(1, "2.00"), row(4, "25"), row(2, "2.00"), row(2, "3.00"), row(5, "25")]
    (inbox / "a.csv").write_text(HEADER + "".join(lines))
    run = import_now()
    assert [line for _, line, _, _ in run.rejected_rows] == [3, 4, 5, 6, 7, 8]
    with (inbox.parent / "state" / "rejects" / "a.csv").open(newline="") as file:
        assert [cells[1] for cells in csv.reader(file)] == ["line", "3", "4", "5", "6", "7", "8"]


def test_moves_bad_rows_to_a_rejects_file_with_place_and_reason(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "25") + ',,"x\ny",1,C-1,3\n')
    run = import_now()
    assert run.counts == {"a.csv": ("done", 3, 1, 0, 2)}
    path = inbox.parent / "state" / "rejects" / "a.csv"
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "line", "column", "reason", *HEADER.strip().split(",")],
            [
                "a.csv",
                "3",
                "Hours",
                "25 is not more than 0 and at most 24",
                "2026-11-09",
                "P",
                "note 2",
                "25",
                "C-1",
                "2",
            ],
            ["a.csv", "4", "Date, Project", "is empty; is empty", "", "", "x\ny", "1", "C-1", "3"],
        ]
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2))
    import_now()
    assert not path.exists()


def test_a_quote_that_is_not_closed_holds_back_no_other_row(
    inbox: Path, books: Any, import_now: Import
) -> None:
    good = [row(number) for number in range(5000)]
    broken = '2026-11-09,"P,,1.00,C-1,x'
    (inbox / "a.csv").write_text("".join([HEADER, *good[:10], f"{broken}\n", *good[10:]]))
    run = import_now()
    assert run.counts == {"a.csv": ("done", 5001, 5000, 0, 1)}
    assert [reject.line for reject in run.rejects] == [12]
    assert len(books.entries) == 5000
    with (inbox.parent / "state" / "rejects" / "a.csv").open(newline="") as file:
        assert [cells[4:] for cells in csv.reader(file)][1:] == [[broken]]


def feed_back(inbox: Path, old: str, new: str, name: str = "a.csv") -> None:
    """Put a rejects file into the inbox as fed-back.csv, with one text replaced."""
    text = (inbox.parent / "state" / "rejects" / name).read_text()
    assert old in text
    (inbox / "fed-back.csv").write_text(text.replace(old, new))


def test_a_rejects_file_can_be_corrected_and_fed_back(inbox: Path, books: Any, import_now: Import) -> None:
    unclosed = '2026-11-09,P,"never closed,1.00,C-1,4\n'
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "25") + "2026-11-09,P,short,1\n" + unclosed)
    first = import_now().rejected_rows
    feed_back(inbox, "2026", "2026")
    again = import_now().rejected_rows
    assert [(column, reason) for _, _, column, reason in again] == [
        (column, reason) for _, _, column, reason in first
    ]
    feed_back(inbox, "note 2,25,", "note 2,2.50,")
    assert [line for _, line, _, _ in import_now().rejected_rows] == [3, 4]
    header, *_ = (inbox.parent / "state" / "rejects" / "fed-back.csv").read_text().splitlines()
    assert header == f"file,line,column,reason,{HEADER}".strip(), "the columns in front are not added twice"
    feed_back(inbox, '""never closed', "never closed", "fed-back.csv")
    assert [line for _, line, _, _ in import_now().rejected_rows] == [2]
    assert {number: entry.hours for number, entry in books.entries.items()} == {
        "1": "1.00",
        "2": "2.50",
        "4": "1.00",
    }


TABS = HEADER.replace(",", "\t") + "2026-11-09\tP\tü\t1\tC-1\t1\n2026-11-09\tP\tü\t25\tC-1\t2\n"
EXPORTS = {
    "UTF-16 with tabs": TABS.encode("utf-16"),
    "UTF-8 with a byte order mark": ("\ufeff" + TABS.replace("\t", ",")).encode(),
    "semicolons and decimal commas": TABS.replace("\t", ";").replace(";1;", ";7,5;").encode(),
    "a first line sep=": ("sep=;\r\n" + TABS.replace("\t", ";")).encode(),
    "repeated and empty names": TABS.replace("Notes", "Tag\t\tTag").replace("ü", "a\t\tb").encode(),
    "columns that are named like those in front": TABS.replace("Notes", "file\tline")
    .replace("ü", "a\tb")
    .encode(),
    "marks of a spreadsheet": TABS.replace("C-1\t2", '\'0012\t="2"').encode(),
    "a byte that is not UTF-8": TABS.encode("cp1252"),
    "line ends within a cell": TABS.replace("ü", '"a\r\nb"').encode(),
}


@pytest.mark.parametrize("export", EXPORTS.values(), ids=list(EXPORTS))
def test_the_rejects_of_any_export_can_be_corrected_and_fed_back(
    inbox: Path, books: Any, import_now: Import, export: bytes
) -> None:
    (inbox / "a.csv").write_bytes(export)
    first = import_now()
    rejects_folder = inbox.parent / "state" / "rejects"
    written = (rejects_folder / "a.csv").read_bytes()
    (inbox / "uncorrected.csv").write_bytes(written)
    again = import_now()
    assert [reject.reason for reject in again.rejects] == [reject.reason for reject in first.rejects]
    header, *rows = (rejects_folder / "uncorrected.csv").read_bytes().splitlines(keepends=True)
    assert (header, len(rows)) == (written.splitlines(keepends=True)[0], len(written.splitlines()) - 1)
    (inbox / "corrected.csv").write_bytes(written.replace(b",25,", b",2.50,").replace(b"\xfc", b"u"))
    assert import_now().rejected_rows == []
    assert books.entries["2"].hours == "2.50"
    assert len(books.entries) == 2


def test_a_corrected_row_may_equal_another_of_its_file_in_all_but_its_id(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2, "25"))
    import_now()
    feed_back(inbox, ",25,", ",1.00,")
    assert import_now().rejected_rows == []
    assert sorted(books.entries) == ["1", "2"]


def test_a_row_whose_id_was_changed_is_not_booked_when_it_is_fed_back(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1))
    import_now()
    (inbox / "a.csv").write_text(HEADER + same(10) + same(20, "x"))  # under the same name
    import_now()
    feed_back(inbox, ",x,", ",1.00,")
    assert [reject[1:3] for reject in import_now().rejected_rows] == [(2, "entry_id"), (3, "entry_id")]
    assert sorted(books.entries) == ["1"]


def test_a_row_may_be_corrected_at_the_second_attempt(inbox: Path, books: Any, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2, "25"))
    import_now()
    feed_back(inbox, ",25,", ",26,")
    import_now()
    feed_back(inbox, ",26,", ",1.00,", "fed-back.csv")
    assert import_now().rejected_rows == []
    assert sorted(books.entries) == ["1", "2"]


def test_a_rejects_file_keeps_the_ids_that_were_made(inbox: Path, books: Any, import_now: Import) -> None:
    import_it = partial(import_now, column_map=read_column_map("kimai"))
    export = "Date,From,Duration,User,Project\n2026-11-09,09:00,1:00,zoe,P\n2026-11-09,09:00,{},zoe,P\n"
    (inbox / "a.csv").write_text(export.format("25:00"))
    (reject,) = import_it().rejected_rows
    assert reject == ("a.csv", 3, "Duration", "25:00 is not more than 0 and at most 24")
    feed_back(inbox, ",25:00,", ",2:20,")
    run = import_it()
    assert (run.rejected_rows, run.booked, run.rounded) == ([], 1, -0.003333)
    first, second = sorted(books.entries)
    assert second == f"{first}-2"
    (inbox / "fed-back.csv").unlink()
    (inbox / "a.csv").write_text(export.format("2:20"))  # corrected in the tool too
    assert import_it().counts == {"a.csv": ("done", 2, 0, 2, 0)}
    (inbox / "a.csv").write_text(export.format("0:45"))  # edited in the tool
    assert import_it().rejected_rows == [("a.csv", 3, "Hours", "is booked with other values")]


MADE_ID = re.compile("kimai-[0-9a-f]{32}")
KIMAI = "Date,From,Duration,User,Project,Description\n"
FILLER = "".join(f"2026-11-10,{n // 60:02}:{n % 60:02},1:00,zoe,P,\n" for n in range(500))


@pytest.mark.parametrize("between", ["", FILLER], ids=["one chunk", "two chunks"])
def test_a_new_entry_before_one_that_begins_with_it_books_nothing_twice(
    inbox: Path, books: Any, import_now: Import, between: str
) -> None:
    def reasons(export: str) -> list[tuple[Any, ...]]:
        (inbox / "a.csv").write_text(KIMAI + export)
        run = import_now(column_map=read_column_map("kimai"))
        return [(reject.column, reject.reason[:7]) for reject in run.rejects]

    old = "2026-11-09,09:00,1:00,zoe,P,old\n"
    new = "2026-11-09,09:00,2:00,zoe,P,new\n"
    assert reasons(between + old) == []
    before = dict(books.entries)
    conflict = ("Hours", "is book")
    assert reasons(new + between + old) == [conflict, ("User, Date, From", "equals ")]
    assert books.entries == before
    header, rejected, _ = (inbox.parent / "state" / "rejects" / "a.csv").read_text().splitlines()
    renumbered = MADE_ID.sub(r"\g<0>-9", rejected)
    (inbox / "fed-back.csv").write_text(f"{header}\n{renumbered}\n")
    assert reasons(between + old) == []
    assert [entry.hours for number, entry in books.entries.items() if number.endswith("-9")] == ["2.00"]
