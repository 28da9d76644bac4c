"""The text of an export as tools and spreadsheets write it: encodings, separators, line ends."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from timesheet_exports.inbox import inbox_files

Import = Callable[..., Any]
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
BLANKS = ";" * 5 + "\n" + " ;\xa0;;;;\t\n"


def row(number: int, hours: str = "1.00", project: str = "P") -> str:
    return f"2026-11-09,{project},note {number},{hours},C-1,{number}\n"


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
    assert import_now().counts == {"a.csv": ("done", 2, 2, 0, 0)}


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
    assert run.counts == {"a.csv": ("failed", 0, 0, 0, 1), "b.csv": ("done", 1, 1, 0, 0)}
    [(file, line, column, why)] = run.rejected_rows
    assert (file, line, column, why[: len(reason)]) == ("a.csv", 1, "", reason)


def test_rows_that_are_not_utf_8_are_rejected_alone(inbox: Path, import_now: Import) -> None:
    content = HEADER + row(1, project="Café") + row(2) + row(3, project="Café")
    (inbox / "a.csv").write_bytes(content.encode("cp1252"))
    run = import_now()
    assert run.counts == {"a.csv": ("done", 3, 1, 0, 2)}
    reason = "is not UTF-8, perhaps Windows-1252; save the export as UTF-8"
    assert run.rejected_rows == [("a.csv", 2, "Project", reason), ("a.csv", 4, "Project", reason)]


def test_a_truncated_utf_16_file_loses_only_its_last_row(inbox: Path, import_now: Import) -> None:
    content = (HEADER + row(1) + row(22)[:-1]).encode("utf-16")[:-1]
    (inbox / "a.csv").write_bytes(content)
    run = import_now()
    assert run.counts == {"a.csv": ("done", 2, 1, 0, 1)}
    assert run.rejected_rows == [("a.csv", 3, "entry_id", "contains U+FFFD, which cannot be seen or printed")]


def test_a_name_is_the_same_however_its_blanks_and_accents_are_written(
    inbox: Path, books: Any, import_now: Import
) -> None:
    names = ["Café\xa0: 2", "Cafe\u0301\u202f: 2", "Ca\xadfé\u3000: 2", "\u2007Café : 2\xa0"]
    for number, name in enumerate(names):
        (inbox / f"{number}.csv").write_text(HEADER + row(1, project=name), encoding="utf-8")
        (inbox / f"{number - 1}.csv").unlink(missing_ok=True)
        assert import_now().counts[f"{number}.csv"] == ("done", 1, number == 0, number > 0, 0)
    assert {entry.project for entry in books.entries.values()} == {"Café : 2"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_are_counted(inbox: Path, import_now: Import, end: str) -> None:
    (inbox / "a.csv").write_bytes((HEADER + row(1) + row(2)).replace("\n", end).encode())
    os.utime(inbox / "a.csv", (2_000_000_000, 2_000_000_000))
    seen: list[tuple[int, int]] = []
    run = import_now(progress=lambda done, total: seen.append((done, total)))
    assert run.counts == {"a.csv": ("done", 2, 2, 0, 0)}
    assert seen == [(3, 3), (3, 3)]


def test_a_line_end_across_two_blocks_counts_once(inbox: Path) -> None:
    (inbox / "a.csv").write_bytes(b"x" * ((1 << 20) - 1) + b"\r\n\r")
    (export,) = inbox_files(inbox, 0, 0, lambda _: None)
    assert (export.lines, export.complete) == (2, True)


def test_a_file_without_the_columns_fails_alone(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").write_text("x\n1\n")
    (inbox / "b.csv").write_bytes(b"\xef\xbb\xbf" + (HEADER + row(1)).replace("\n", "\r\n").encode())
    run = import_now()
    assert run.counts == {"a.csv": ("failed", 0, 0, 0, 1), "b.csv": ("done", 1, 1, 0, 0)}
    columns = "entry_id, Employee Id, Date, Project, Hours"
    assert run.rejected_rows == [("a.csv", 1, "", f"must name each of these columns once: {columns}")]
