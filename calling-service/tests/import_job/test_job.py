import csv
import os
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from calling_service.database import connection, prepare
from calling_service.import_job.job import ImportJob
from calling_service.import_job.report import ImportReport
from calling_service.import_job.timesheets_api import ApiError, Receipt
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from timesheet_exports.column_map import read_column_map
from timesheet_exports.entry_rows import Entry
from timesheet_exports.inbox import inbox_files

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"


class Killed(BaseException):
    """What a kill -9 is to a test: nothing of ours runs after it."""


class Books:
    """An API that books as ours does, and may be killed before or after it has booked."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.chunks: list[int] = []
        self.kill_before: int | None = None
        self.kill_after: int | None = None

    def upload(self, entries: Sequence[Entry]) -> Receipt:
        """Book all or none."""
        self.chunks.append(len(entries))
        if self.kill_before == len(self.chunks):
            raise Killed
        conflicts = {
            index: ("Hours", "is booked with other values")
            for index, entry in enumerate(entries)
            if self.entries.get(entry.external_id, entry) != entry
        }
        if conflicts:
            return Receipt(refused=conflicts)
        known = sum(entry.external_id in self.entries for entry in entries)
        self.entries |= {entry.external_id: entry for entry in entries}
        if self.kill_after == len(self.chunks):
            raise Killed
        return Receipt(len(entries) - known, known)


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "state").mkdir()
    prepare(tmp_path / "state")
    return tmp_path / "inbox"


Import = Callable[..., ImportReport]


@pytest.fixture
def import_now(inbox: Path, books: Any) -> Import:
    def work(*, resend: bool = False, progress: Callable[[int, int], None] = lambda *_: None) -> ImportReport:
        job = ImportJob(inbox, inbox.parent / "state", books.upload, now=lambda: 2_000_000_000.0)
        report = ImportReport()
        job.run(report, progress, resend=resend)
        return report

    return work


def row(number: int, hours: str = "1.00", project: str = "P") -> str:
    return f"2026-11-09,{project},note {number},{hours},C-1,{number}\n"


def counts(report: ImportReport) -> dict[str, tuple[Any, ...]]:
    return {
        file.name: (file.state, file.rows, file.booked, file.unchanged, file.rejected)
        for file in report.files
    }


def rejects(report: ImportReport) -> list[tuple[Any, ...]]:
    return [(reject.file, reject.line, reject.column, reject.reason) for reject in report.rejects]


def test_uploads_in_chunks(inbox: Path, books: Books, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + "".join(map(row, range(1200))))
    seen: list[tuple[int, int]] = []
    run = import_now(progress=lambda done, total: seen.append((done, total)))
    assert counts(run) == {"a.csv": ("done", 1200, 1200, 0, 0)}
    assert books.chunks == [500, 500, 200]
    assert seen == [(501, 1201), (1001, 1201), (1201, 1201), (1201, 1201)]


def test_a_content_that_is_done_is_not_sent_again_under_another_name(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))
    import_now()
    (inbox / "a.csv").rename(inbox / "b.csv")
    assert counts(import_now()) == {"b.csv": ("known", 0, 0, 0, 0)}
    assert len(books.chunks) == 1


def test_lists_the_last_of_many_known_files_and_counts_the_others(inbox: Path, import_now: Import) -> None:
    for number in range(25):
        (inbox / f"{number:02}.csv").write_text(HEADER + row(number))
    assert len(import_now().files) == 25
    (inbox / "00-new.csv").write_text(HEADER + row(25))
    run = import_now()
    states = {file.name: file.state for file in run.files}
    assert states == {"00-new.csv": "done"} | {f"{number:02}.csv": "known" for number in range(5, 25)}
    assert run.known_omitted == 5
    again = import_now(resend=True)
    assert (len(again.files), again.known_omitted) == (26, 0)


def test_the_progress_ends_with_all_lines_although_known_files_are_left_out(
    inbox: Path, import_now: Import
) -> None:
    for number in range(25):
        (inbox / f"{number:02}.csv").write_text(HEADER + row(number))
    import_now()
    seen: list[tuple[int, int]] = []
    import_now(progress=lambda done, total: seen.append((done, total)))
    assert (seen[0], seen[-1], len(seen)) == ((12, 50), (50, 50), 20)


def test_sends_again_when_asked_to_and_the_same_content_once(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))
    (inbox / "b.csv").write_text(HEADER + row(1))
    assert counts(import_now())["b.csv"] == ("known", 0, 0, 0, 0)
    run = import_now(resend=True)
    assert counts(run) == {"a.csv": ("done", 1, 0, 1, 0), "b.csv": ("known", 0, 0, 0, 0)}


def test_a_repeated_id_is_rejected_naming_the_first_line(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "week.csv").write_text(HEADER + row(1) + row(2) + row(1, "2.00"))
    (inbox / "week-late.csv").write_text(HEADER + row(2, "3.00") + row(3))
    for run in (import_now(), import_now(resend=True)):
        assert rejects(run) == [
            ("week.csv", 4, "entry_id", "repeats 1 of week.csv line 2"),
            ("week-late.csv", 2, "entry_id", "repeats 2 of week.csv line 3"),
        ]
    assert {entry.hours for entry in books.entries.values()} == {"1.00"}


def test_an_export_may_be_replaced_by_a_longer_one(inbox: Path, books: Books, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2))
    import_now()
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "5.00") + row(3))
    run = import_now()
    assert counts(run) == {"a.csv": ("done", 3, 1, 1, 1)}
    assert rejects(run) == [("a.csv", 3, "Hours", "is booked with other values")]
    assert sorted(books.entries) == ["1", "2", "3"]


def test_a_row_that_the_api_refuses_can_be_corrected_in_another_file(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))
    import_now()
    (inbox / "a.csv").write_text(HEADER + row(1, "2.00"))
    assert rejects(import_now()) == [("a.csv", 2, "Hours", "is booked with other values")]
    books.entries.clear()  # by hand, say
    (inbox / "b.csv").write_text(HEADER + row(1, "3.00"))
    assert rejects(import_now()) == []
    assert {entry.hours for entry in books.entries.values()} == {"3.00"}


def booked_before(number: int, hours: str) -> dict[str, Entry]:
    return {str(number): Entry(str(number), "C-1", "2026-11-09", "P", hours)}


CONFLICT = ("Hours", "is booked with other values")


@pytest.mark.parametrize("between", [0, 1, 498, 499, 500])
def test_a_row_that_the_api_refuses_can_be_corrected_in_any_later_row(
    inbox: Path, books: Books, import_now: Import, between: int
) -> None:
    books.entries = booked_before(1, "1.00")
    rows = [row(1, "2.00"), row(1, "3.00"), *map(row, range(10, 10 + between)), row(1), row(1)]
    (inbox / "a.csv").write_text(HEADER + "".join(rows))
    run = import_now()
    assert counts(run) == {"a.csv": ("done", between + 4, between, 1, 3)}
    assert rejects(run) == [
        ("a.csv", 2, *CONFLICT),
        ("a.csv", 3, *CONFLICT),
        ("a.csv", between + 5, "entry_id", f"repeats 1 of a.csv line {between + 4}"),
    ]


@pytest.mark.parametrize(("point", "chunk"), [("kill_before", 1), ("kill_before", 2), ("kill_after", 2)])
def test_killed_before_or_after_a_correction_it_gives_the_same_reasons(
    inbox: Path, books: Books, import_now: Import, *, point: str, chunk: int
) -> None:
    books.entries = booked_before(1, "1.00")
    (inbox / "a.csv").write_text(HEADER + row(1, "2.00") + row(1) + row(1, "3.00"))
    setattr(books, point, chunk)
    with pytest.raises(Killed):
        import_now()
    setattr(books, point, None)
    for run in (import_now(), import_now(resend=True)):
        assert rejects(run) == [
            ("a.csv", 2, *CONFLICT),
            ("a.csv", 4, "entry_id", "repeats 1 of a.csv line 3"),
        ]


def test_rejects_are_listed_in_the_order_of_their_lines(
    inbox: Path, books: Books, import_now: Import
) -> None:
    books.entries = booked_before(1, "1.00") | booked_before(2, "1.00")
    lines = [row(3), row(3), row(1, "2.00"), row(4, "25"), row(2, "2.00"), row(2, "3.00"), row(5, "25")]
    (inbox / "a.csv").write_text(HEADER + "".join(lines))
    run = import_now()
    assert [line for _, line, _, _ in rejects(run)] == [3, 4, 5, 6, 7, 8]
    with (inbox.parent / "state" / "rejects" / "a.csv").open(newline="") as file:
        assert [cells[1] for cells in csv.reader(file)] == ["line", "3", "4", "5", "6", "7", "8"]


def test_moves_bad_rows_to_a_rejects_file_with_place_and_reason(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "25") + ',,"x\ny",1,C-1,3\n')
    run = import_now()
    assert counts(run) == {"a.csv": ("done", 3, 1, 0, 2)}
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
    inbox: Path, books: Books, import_now: Import
) -> None:
    good = [row(number) for number in range(5000)]
    broken = '2026-11-09,"P,,1.00,C-1,x'
    (inbox / "a.csv").write_text("".join([HEADER, *good[:10], f"{broken}\n", *good[10:]]))
    run = import_now()
    assert counts(run) == {"a.csv": ("done", 5001, 5000, 0, 1)}
    assert [reject.line for reject in run.rejects] == [12]
    assert len(books.entries) == 5000
    with (inbox.parent / "state" / "rejects" / "a.csv").open(newline="") as file:
        assert [cells[4:] for cells in csv.reader(file)][1:] == [[broken]]


def test_a_file_that_is_still_being_written_waits(inbox: Path, import_now: Import) -> None:
    path = inbox / "a.csv"
    path.write_text(HEADER + row(1) + "2026-11-0")
    os.utime(path, (2_000_000_000 - 30, 2_000_000_000 - 30))
    assert counts(import_now()) == {"a.csv": ("waiting", 0, 0, 0, 0)}
    os.utime(path, (2_000_000_000 - 90, 2_000_000_000 - 90))
    assert counts(import_now()) == {"a.csv": ("done", 2, 1, 0, 1)}


@pytest.mark.parametrize("ahead", [3, 3600, 14 * 3600, 10**8])
def test_two_looks_decide_where_another_clock_has_set_the_time(inbox: Path, books: Any, ahead: int) -> None:
    path = inbox / "a.csv"
    now = 2_000_000_000

    def write(text: str) -> None:
        path.write_text(text)
        os.utime(path, (now + ahead, now + ahead))

    def imported(pause: Callable[[float], None]) -> ImportReport:
        job = ImportJob(inbox, inbox.parent / "state", books.upload, 2, lambda: now, pause)
        report = ImportReport()
        job.run(report, lambda *_: None)
        return report

    write(HEADER + row(1) + row(2)[:-3])
    grows = imported(lambda _: write(HEADER + row(1) + row(2)[:-1]))
    assert counts(grows) == {"a.csv": ("waiting", 0, 0, 0, 0)}
    assert counts(imported(lambda _: None)) == {"a.csv": ("done", 2, 2, 0, 0)}
    assert sorted(books.entries) == ["1", "2"]


@pytest.mark.parametrize("age", [-1, 0, 59, 61, 10**8])
def test_a_last_line_without_an_end_is_looked_at_twice_whatever_the_time_of_the_file(
    inbox: Path, age: int
) -> None:
    now = 2_000_000_000
    (inbox / "a.csv").write_text(HEADER + row(1)[:-1])

    def grow(_: float) -> None:
        with (inbox / "a.csv").open("a") as file:
            file.write("0")
        os.utime(inbox / "a.csv", (now - age, now - age))

    os.utime(inbox / "a.csv", (now - age, now - age))
    assert [file.complete for file in inbox_files(inbox, 2, now, grow)] == [False]
    assert [file.complete for file in inbox_files(inbox, 2, now, lambda _: None)] == [age > 60]


def test_looks_twice_where_a_coarse_time_may_hide_a_change(inbox: Path) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))
    os.utime(inbox / "a.csv", (100, 100))
    paused: list[float] = []
    for now in (103.9, 104.1):
        assert [file.complete for file in inbox_files(inbox, 2, now, paused.append)] == [True]
    assert paused == [2]


BLANKS = ";" * 5 + "\n" + " ;\xa0;;;;\t\n"


@pytest.mark.parametrize(
    "content",
    [
        (HEADER + row(1) + ",,,,,\n" * 50 + row(2) + ",,,,,,,,,\n" * 50).encode(),
        (BLANKS + (HEADER + row(1) + row(2)).replace(",", ";") + BLANKS).encode(),
        ("sep=;\r\n" + (HEADER + row(1) + row(2)).replace(",", ";")).encode("utf-8-sig"),
        (HEADER + row(1) + row(2)).replace(",", "|").encode(),
        (HEADER + row(1) + row(2)).replace(",", "\t").encode("utf-16"),
        ("\ufeff" + HEADER + row(1) + row(2)).replace("\n", "\r\n").encode("utf-16-be"),
        (HEADER + row(1) + row(2)).replace("\n", ",,,\n").encode(),
    ],
)
def test_takes_what_spreadsheets_write(inbox: Path, import_now: Import, content: bytes) -> None:
    (inbox / "a.csv").write_bytes(content)
    os.utime(inbox / "a.csv", (2_000_000_000, 2_000_000_000))
    assert counts(import_now()) == {"a.csv": ("done", 2, 2, 0, 0)}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_counts_the_lines_of_utf_16(inbox: Path, encoding: str, end: str) -> None:
    """U+0A0D and U+0D0A hold the bytes of line ends; a block ends between the bytes of a character."""
    text = f"\ufeff\u0a0d\u0d0a{end}" + "x" * (1 << 19) + end * 2
    (inbox / "a.csv").write_bytes(text.encode(encoding))
    (export,) = inbox_files(inbox, 0, 0, lambda _: None)
    assert (export.lines, export.complete) == (3, True)
    (inbox / "a.csv").write_bytes(f"{text}x".encode(encoding))
    (export,) = inbox_files(inbox, 0, 10**10, lambda _: None)
    assert (export.lines, export.ended) == (4, False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"PK\x03\x04\x14\0\x06\0 [Content_Types].xml",
            "is an Excel workbook (xlsx); open it in a spreadsheet and",
        ),
        (
            HEADER.replace("Notes", "Tätigkeit").encode("cp1252"),
            "has a first line that is not UTF-8, perhaps",
        ),
        (HEADER.encode("utf-16-le"), "is not text, or is UTF-16 without a byte order mark; save it as"),
        (b"sep=^\nDate^Project\n", "has '^' between its cells; use a comma, a semicolon, a tab or |"),
    ],
)
def test_says_what_to_do_with_a_file_that_is_no_csv(
    inbox: Path, import_now: Import, content: bytes, reason: str
) -> None:
    (inbox / "a.csv").write_bytes(content)
    (inbox / "b.csv").write_text(HEADER + row(1))
    run = import_now()
    assert counts(run) == {"a.csv": ("failed", 0, 0, 0, 1), "b.csv": ("done", 1, 1, 0, 0)}
    [(file, line, column, why)] = rejects(run)
    assert (file, line, column, why[: len(reason)]) == ("a.csv", 1, "", reason)


def test_rows_that_are_not_utf_8_are_rejected_alone(inbox: Path, import_now: Import) -> None:
    content = HEADER + row(1, project="Café") + row(2) + row(3, project="Café")
    (inbox / "a.csv").write_bytes(content.encode("cp1252"))
    run = import_now()
    assert counts(run) == {"a.csv": ("done", 3, 1, 0, 2)}
    reason = "is not UTF-8, perhaps Windows-1252; save the export as UTF-8"
    assert rejects(run) == [("a.csv", 2, "Project", reason), ("a.csv", 4, "Project", reason)]


def test_a_truncated_utf_16_file_loses_only_its_last_row(inbox: Path, import_now: Import) -> None:
    content = (HEADER + row(1) + row(22)[:-1]).encode("utf-16")[:-1]
    (inbox / "a.csv").write_bytes(content)
    run = import_now()
    assert counts(run) == {"a.csv": ("done", 2, 1, 0, 1)}
    assert rejects(run) == [("a.csv", 3, "entry_id", "contains U+FFFD, which cannot be seen or printed")]


def test_a_name_is_the_same_however_its_blanks_and_accents_are_written(
    inbox: Path, books: Books, import_now: Import
) -> None:
    names = ["Café\xa0: 2", "Cafe\u0301\u202f: 2", "Ca\xadfé\u3000: 2", "\u2007Café : 2\xa0"]
    for number, name in enumerate(names):
        (inbox / f"{number}.csv").write_text(HEADER + row(1, project=name), encoding="utf-8")
        (inbox / f"{number - 1}.csv").unlink(missing_ok=True)
        assert counts(import_now())[f"{number}.csv"] == ("done", 1, number == 0, number > 0, 0)
    assert {entry.project for entry in books.entries.values()} == {"Café : 2"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_are_counted(inbox: Path, import_now: Import, end: str) -> None:
    (inbox / "a.csv").write_bytes((HEADER + row(1) + row(2)).replace("\n", end).encode())
    os.utime(inbox / "a.csv", (2_000_000_000, 2_000_000_000))
    seen: list[tuple[int, int]] = []
    run = import_now(progress=lambda done, total: seen.append((done, total)))
    assert counts(run) == {"a.csv": ("done", 2, 2, 0, 0)}
    assert seen == [(3, 3), (3, 3)]


def test_a_line_end_across_two_blocks_counts_once(inbox: Path) -> None:
    (inbox / "a.csv").write_bytes(b"x" * ((1 << 20) - 1) + b"\r\n\r")
    (export,) = inbox_files(inbox, 0, 0, lambda _: None)
    assert (export.lines, export.complete) == (2, True)


def test_a_file_that_changes_while_it_settles_waits_and_one_moved_in_does_not(
    inbox: Path, books: Any
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))
    (inbox / "b.csv").write_text(HEADER + row(2))
    (inbox / "moved.csv").write_text(HEADER + row(3))
    os.utime(inbox / "moved.csv", (1, 1))
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 1:
            (inbox / "b.csv").write_text(HEADER + row(2) + row(4))

    job = ImportJob(inbox, inbox.parent / "state", books.upload, settling=2, pause=pause)
    states = []
    for _ in range(2):
        run = ImportReport()
        job.run(run, lambda *_: None)
        states.append([file.state for file in run.files])
    assert states == [["done", "waiting", "done"], ["known", "done", "known"]]
    assert (paused, sorted(books.entries)) == ([2, 2], ["1", "2", "3", "4"])


def test_a_file_replaced_during_its_import_is_imported_again(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))

    def replace(*_: object) -> None:
        (inbox / "a.csv").write_text(HEADER + row(1) + row(2))

    assert counts(import_now(progress=replace)) == {"a.csv": ("waiting", 1, 1, 0, 0)}
    assert counts(import_now()) == {"a.csv": ("done", 2, 1, 1, 0)}
    assert sorted(books.entries) == ["1", "2"]


def test_ignores_what_is_not_an_export(inbox: Path, import_now: Import) -> None:
    (inbox / ".hidden.csv").write_text(HEADER + row(1))
    (inbox / "a.csv.part").write_text(HEADER + row(1))
    (inbox / "folder.csv").mkdir()
    os.mkfifo(inbox / "pipe.csv")
    (inbox / "dangling.csv").symlink_to("nowhere")
    (inbox / "loop.csv").symlink_to("loop.csv")
    assert counts(import_now()) == {}


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read, even by root"
)
def test_a_file_that_cannot_be_read_fails_alone(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").symlink_to("/proc/self/mem")
    (inbox / "b.csv").write_text(HEADER + row(1))
    run = import_now()
    assert counts(run) == {"a.csv": ("failed", 0, 0, 0, 1), "b.csv": ("done", 1, 1, 0, 0)}
    assert rejects(run) == [("a.csv", 1, "", "cannot be read: Input/output error")]


def test_a_file_may_have_any_name(inbox: Path, import_now: Import) -> None:
    names = [b"\xff.csv", b"\xfe.csv", b"x" * 251 + b".csv", "時間 表.CSV".encode(), b"a\nb\x1b[31m.csv"]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_text(HEADER + row(number) + row(number))
    shown = {r"\xff.csv", r"\xfe.csv", "x" * 251 + ".csv", "時間 表.CSV", "a\nb\x1b[31m.csv"}
    assert counts(import_now()) == dict.fromkeys(shown, ("done", 2, 1, 0, 1))
    rejected = (inbox.parent / "state" / "rejects").iterdir()
    assert sorted(os.fsencode(path.name) for path in rejected) == sorted(names)


def test_a_file_without_the_columns_fails_alone(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text("x\n1\n")
    (inbox / "b.csv").write_bytes(b"\xef\xbb\xbf" + (HEADER + row(1)).replace("\n", "\r\n").encode())
    run = import_now()
    assert counts(run) == {"a.csv": ("failed", 0, 0, 0, 1), "b.csv": ("done", 1, 1, 0, 0)}
    columns = "entry_id, Employee Id, Date, Project, Hours"
    assert rejects(run) == [("a.csv", 1, "", f"must name each of these columns once: {columns}")]


def same(number: int | str, hours: str = "1.00", note: str = "call") -> str:
    return f"2026-11-09,P,{note},{hours},C-1,{number}\n"


def equals(number: int | str, place: str) -> str:
    return (
        f"equals {number} ({place}) in all but its id, which a spreadsheet may have changed;"
        " if both are right, make them differ, for instance in the notes"
    )


def test_an_entry_that_equals_a_booked_one_in_all_but_its_id_is_rejected(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "week.csv").write_text(HEADER + same("0012345") + same("99"))
    (inbox / "week-touched.csv").write_text(HEADER + same("12345") + same("7", note="mail"))
    for _ in range(2):
        run = import_now(resend=True)
        assert rejects(run) == [("week-touched.csv", 2, "entry_id", equals("0012345", "week.csv line 2"))]
    assert sorted(books.entries) == ["0012345", "7", "99"]


def test_two_rows_of_one_file_may_differ_in_their_ids_alone(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2))
    assert counts(import_now()) == {"a.csv": ("done", 2, 2, 0, 0)}
    (inbox / "a.csv").write_text(HEADER + same(3) + same(1) + same(2))  # exported again, the newest first
    assert counts(import_now()) == {"a.csv": ("done", 3, 1, 2, 0)}
    (inbox / "b.csv").write_text(HEADER + same(4) + same(1))
    assert [reject[3] for reject in rejects(import_now())] == ["repeats 1 of a.csv line 3"]
    assert sorted(books.entries) == ["1", "2", "3", "4"]


def test_a_removed_export_is_remembered(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1))
    import_now()
    (inbox / "a.csv").unlink()
    (inbox / "b.csv").write_text(HEADER + same(2))
    assert rejects(import_now()) == [("b.csv", 2, "entry_id", equals(1, "a.csv line 2"))]
    (inbox / "b.csv").write_text(HEADER + same(2, note="a second call"))
    assert rejects(import_now()) == []


def test_an_entry_that_the_api_refused_is_no_reason_to_reject_another(
    inbox: Path, books: Books, import_now: Import
) -> None:
    books.entries = booked_before(1, "2.00")
    (inbox / "a.csv").write_text(HEADER + same(1))
    assert rejects(import_now()) == [("a.csv", 2, *CONFLICT)]
    (inbox / "b.csv").write_text(HEADER + same(2))
    assert rejects(import_now()) == []


@pytest.mark.parametrize("point", ["kill_before", "kill_after"])
def test_killed_and_started_again_it_knows_its_own_rows(
    inbox: Path, books: Books, import_now: Import, point: str
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2))
    setattr(books, point, 1)
    with pytest.raises(Killed):
        import_now()
    setattr(books, point, None)
    assert rejects(import_now()) == []
    assert sorted(books.entries) == ["1", "2"]


def test_adopts_a_ledger_that_knows_no_likeness(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1))
    import_now()
    with connection(inbox.parent / "state") as database:
        database.execute("DROP TABLE likenesses")
    prepare(inbox.parent / "state")
    assert rejects(import_now()) == []
    import_now(resend=True)  # learns it
    (inbox / "b.csv").write_text(HEADER + same(2))
    assert rejects(import_now()) == [("b.csv", 2, "entry_id", equals(1, "a.csv line 2"))]


def feed_back(inbox: Path, old: str, new: str, name: str = "a.csv") -> None:
    """Put a rejects file into the inbox as fed-back.csv, with one text replaced."""
    text = (inbox.parent / "state" / "rejects" / name).read_text()
    assert old in text
    (inbox / "fed-back.csv").write_text(text.replace(old, new))


def test_a_rejects_file_can_be_corrected_and_fed_back(inbox: Path, books: Books, import_now: Import) -> None:
    unclosed = '2026-11-09,P,"never closed,1.00,C-1,4\n'
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "25") + "2026-11-09,P,short,1\n" + unclosed)
    first = rejects(import_now())
    feed_back(inbox, "2026", "2026")
    again = rejects(import_now())
    assert [(column, reason) for _, _, column, reason in again] == [
        (column, reason) for _, _, column, reason in first
    ]
    feed_back(inbox, "note 2,25,", "note 2,2.50,")
    assert [line for _, line, _, _ in rejects(import_now())] == [3, 4]
    header, *_ = (inbox.parent / "state" / "rejects" / "fed-back.csv").read_text().splitlines()
    assert header == f"file,line,column,reason,{HEADER}".strip(), "the columns in front are not added twice"
    feed_back(inbox, '""never closed', "never closed", "fed-back.csv")
    assert [line for _, line, _, _ in rejects(import_now())] == [2]
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
    inbox: Path, books: Books, import_now: Import, export: bytes
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
    assert rejects(import_now()) == []
    assert books.entries["2"].hours == "2.50"
    assert len(books.entries) == 2


def test_a_corrected_row_may_equal_another_of_its_file_in_all_but_its_id(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2, "25"))
    import_now()
    feed_back(inbox, ",25,", ",1.00,")
    assert rejects(import_now()) == []
    assert sorted(books.entries) == ["1", "2"]


def test_a_row_whose_id_was_changed_is_not_booked_when_it_is_fed_back(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1))
    import_now()
    (inbox / "a.csv").write_text(HEADER + same(10) + same(20, "x"))  # under the same name
    import_now()
    feed_back(inbox, ",x,", ",1.00,")
    assert [reject[1:3] for reject in rejects(import_now())] == [(2, "entry_id"), (3, "entry_id")]
    assert sorted(books.entries) == ["1"]


def test_a_rejects_file_keeps_the_ids_that_were_made(inbox: Path, books: Books) -> None:
    def import_now() -> ImportReport:
        report = ImportReport()
        job = ImportJob(inbox, inbox.parent / "state", books.upload, column_map=read_column_map("kimai"))
        job.run(report, lambda *_: None)
        return report

    export = "Date,From,Duration,User,Project\n2026-11-09,09:00,1:00,zoe,P\n2026-11-09,09:00,{},zoe,P\n"
    (inbox / "a.csv").write_text(export.format("25:00"))
    (reject,) = rejects(import_now())
    assert reject == ("a.csv", 3, "Duration", "25:00 is not more than 0 and at most 24")
    feed_back(inbox, ",25:00,", ",2:20,")
    run = import_now()
    assert (rejects(run), run.booked, run.rounded) == ([], 1, -0.003333)
    first, second = sorted(books.entries)
    assert second == f"{first}-2"
    (inbox / "fed-back.csv").unlink()
    (inbox / "a.csv").write_text(export.format("2:20"))  # corrected in the tool too
    assert counts(import_now()) == {"a.csv": ("done", 2, 0, 2, 0)}
    (inbox / "a.csv").write_text(export.format("0:45"))  # edited in the tool
    assert rejects(import_now()) == [("a.csv", 3, "Hours", "is booked with other values")]


MADE_ID = re.compile("kimai-[0-9a-f]{32}")
KIMAI = "Date,From,Duration,User,Project,Description\n"
FILLER = "".join(f"2026-11-10,{n // 60:02}:{n % 60:02},1:00,zoe,P,\n" for n in range(500))


@pytest.mark.parametrize("between", ["", FILLER], ids=["one chunk", "two chunks"])
def test_a_new_entry_before_one_that_begins_with_it_books_nothing_twice(
    inbox: Path, books: Books, between: str
) -> None:
    def import_now(export: str) -> list[tuple[Any, ...]]:
        (inbox / "a.csv").write_text(KIMAI + export)
        report = ImportReport()
        job = ImportJob(inbox, inbox.parent / "state", books.upload, column_map=read_column_map("kimai"))
        job.run(report, lambda *_: None)
        return [(reject.column, reject.reason[:7]) for reject in report.rejects]

    old = "2026-11-09,09:00,1:00,zoe,P,old\n"
    new = "2026-11-09,09:00,2:00,zoe,P,new\n"
    assert import_now(between + old) == []
    before = dict(books.entries)
    conflict = ("Hours", "is book")
    assert import_now(new + between + old) == [conflict, ("User, Date, From", "equals ")]
    assert books.entries == before
    header, rejected, _ = (inbox.parent / "state" / "rejects" / "a.csv").read_text().splitlines()
    renumbered = MADE_ID.sub(r"\g<0>-9", rejected)
    (inbox / "fed-back.csv").write_text(f"{header}\n{renumbered}\n")
    assert import_now(between + old) == []
    assert [entry.hours for number, entry in books.entries.items() if number.endswith("-9")] == ["2.00"]


def test_an_entry_of_harvest_whose_notes_were_edited_is_known(inbox: Path, books: Books) -> None:
    columns = "Date,First Name,Last Name,Client,Project,Task,Notes,Hours,Employee Id\n"
    for notes, state in (("", (1, 0)), ("call", (0, 1)), ("CALL", (0, 1))):
        (inbox / "a.csv").write_text(f"{columns}2026-11-09,Zoë,L,Acme,Shop,Dev,{notes},1,C-1\n")
        report = ImportReport()
        job = ImportJob(inbox, inbox.parent / "state", books.upload, column_map=read_column_map("harvest"))
        job.run(report, lambda *_: None)
        assert (report.booked, report.unchanged) == state


def test_an_entry_is_remembered_when_a_later_export_has_it_with_other_values(
    inbox: Path, books: Books, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + same("0012"))
    import_now()
    (inbox / "a.csv").write_text(HEADER + same("0012", "2.00"))
    assert [reject[3] for reject in rejects(import_now())] == ["is booked with other values"]
    (inbox / "a.csv").write_text(HEADER + same("12"))
    (reject,) = rejects(import_now())
    assert reject[3].startswith("equals 0012 in all but its id, which")
    assert sorted(books.entries) == ["0012"]


def test_a_row_may_be_corrected_at_the_second_attempt(inbox: Path, books: Books, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + same(1) + same(2, "25"))
    import_now()
    feed_back(inbox, ",25,", ",26,")
    import_now()
    feed_back(inbox, ",26,", ",1.00,", "fed-back.csv")
    assert rejects(import_now()) == []
    assert sorted(books.entries) == ["1", "2"]


@pytest.mark.parametrize("point", ["kill_before", "kill_after"])
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_killed_in_any_chunk_and_started_again_books_each_entry_once(
    inbox: Path, books: Books, import_now: Import, *, point: str, chunk: int
) -> None:
    (inbox / "a.csv").write_text(HEADER + "".join(map(row, range(750))) + row(7, "2.00"))
    (inbox / "b.csv").write_text(HEADER + row(900) + row(8))
    setattr(books, point, chunk)
    with pytest.raises(Killed):
        import_now()
    setattr(books, point, None)
    run = import_now()
    assert len(books.entries) == 751
    assert rejects(run)[-1] == ("b.csv", 3, "entry_id", "repeats 8 of a.csv line 10")
    assert set(counts(import_now()).values()) == {("known", 0, 0, 0, 0)}


def test_an_api_that_is_down_stops_the_run_and_leaves_the_file_to_do(
    inbox: Path, books: Books, import_now: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "25"))

    def down(_: Any) -> Receipt:
        raise ApiError("http://api/", 503, "no keys")

    with monkeypatch.context() as patch:
        patch.setattr(books, "upload", down)
        with pytest.raises(ApiError):
            import_now()
    assert list((inbox.parent / "state" / "rejects").iterdir()) == []
    assert counts(import_now()) == {"a.csv": ("done", 2, 1, 0, 1)}


@st.composite
def shuffled(draw: st.DrawFn) -> list[list[tuple[int, str]]]:
    lines = draw(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["1.00", "2.00", "25"])), max_size=24))
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    return [lines[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]


@hypothesis_settings(max_examples=40)
@given(files=shuffled())
def test_any_split_over_files_books_the_first_good_row_of_each_id(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[int, str]]]
) -> None:
    root = tmp_path_factory.mktemp("split")
    (root / "state").mkdir()
    prepare(root / "state")
    (root / "inbox").mkdir()
    for number, lines in enumerate(files):
        (root / "inbox" / f"{number}.csv").write_text(HEADER + "".join(row(*line) for line in lines))
    first: dict[str, str] = {}
    for number, hours in (line for lines in files for line in lines if line[1] != "25"):
        first.setdefault(str(number), hours)
    books = Books()
    run = ImportReport()
    ImportJob(root / "inbox", root / "state", books.upload).run(run, lambda *_: None)
    assert {entry.external_id: entry.hours for entry in books.entries.values()} == first


@hypothesis_settings(max_examples=40)
@given(
    lines=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["1.00", "2.00", "25"])), max_size=12),
    before=st.dictionaries(st.integers(0, 4), st.sampled_from(["1.00", "2.00"])),
    data=st.data(),
)
def test_where_a_chunk_ends_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[int, str]],
    before: dict[int, str],
    data: st.DataObject,
) -> None:
    def outcome(rows_before: int) -> Any:
        root = tmp_path_factory.mktemp("chunks")
        (root / "inbox").mkdir()
        (root / "state").mkdir()
        prepare(root / "state")
        rows = [*((1000 + number, "1.00") for number in range(rows_before)), *lines]
        (root / "inbox" / "a.csv").write_text(HEADER + "".join(row(*line) for line in rows))
        books = Books()
        for number, hours in before.items():
            books.entries |= booked_before(number, hours)
        run = ImportReport()
        ImportJob(root / "inbox", root / "state", books.upload).run(run, lambda *_: None)
        rejected = [(reject.line - rows_before, reject.column) for reject in run.rejects]
        return rejected, run.files[0].unchanged, [books.entries.get(str(number)) for number in range(5)]

    assert outcome(data.draw(st.integers(500 - len(lines), 500))) == outcome(0)


@hypothesis_settings(max_examples=40)
@given(files=shuffled(), data=st.data())
def test_any_order_of_arrival_and_any_crash_end_in_books_that_account_for_every_row(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[int, str]]], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("arrivals")
    (root / "state").mkdir()
    prepare(root / "state")
    (root / "inbox").mkdir()
    books = Books()
    job = ImportJob(root / "inbox", root / "state", books.upload)
    run = ImportReport()
    for number in data.draw(st.permutations(range(len(files)))):
        lines = "".join(row(*line) for line in files[number])
        (root / "inbox" / f"{number}.csv").write_text(f"{HEADER}{lines}")
        books.kill_after = data.draw(st.sampled_from([None, len(books.chunks) + 1]))
        with suppress(Killed):
            job.run(run, lambda *_: None)
        books.kill_after = None
    before = len(books.entries)  # not all, where the last crash came before the last file's turn
    run = ImportReport()
    job.run(run, lambda *_: None, resend=True)
    good = [(str(number), hours) for lines in files for number, hours in lines if hours != "25"]
    booked = {entry.external_id: entry.hours for entry in books.entries.values()}
    assert booked.keys() == {number for number, _ in good}, "nothing lost, nothing made up"
    assert booked.items() <= set(good), "with the values of one of its rows"
    assert run.booked == len(booked) - before, "nothing twice"
    sent = [file for file in run.files if file.state == "done"]
    assert all(file.rows == file.booked + file.unchanged + file.rejected for file in sent)
    if len(set(good)) == len(booked):  # no row changed: the order cannot matter
        assert booked == dict(good)


def test_several_threads_can_create_the_database_at_once(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def opened() -> None:
        barrier.wait(10)
        try:
            prepare(tmp_path)
            with connection(tmp_path) as database:
                database.execute("SELECT count(*) FROM runs")
        except Exception as error:  # noqa: BLE001  # collected for the assertion
            errors.append(error)

    threads = [threading.Thread(target=opened) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
