"""Which files of the inbox are imported, and when: complete ones, which can be read."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from timesheet_exports.inbox import inbox_files

Import = Callable[..., Any]
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"


def row(number: int, hours: str = "1.00", project: str = "P") -> str:
    return f"2026-11-09,{project},note {number},{hours},C-1,{number}\n"


def test_a_file_that_is_still_being_written_waits(inbox: Path, import_now: Import) -> None:
    path = inbox / "a.csv"
    path.write_text(HEADER + row(1) + "2026-11-0")
    os.utime(path, (2_000_000_000 - 30, 2_000_000_000 - 30))
    assert import_now().counts == {"a.csv": ("waiting", 0, 0, 0, 0)}
    os.utime(path, (2_000_000_000 - 90, 2_000_000_000 - 90))
    assert import_now().counts == {"a.csv": ("done", 2, 1, 0, 1)}


@pytest.mark.parametrize("ahead", [3, 3600, 14 * 3600, 10**8])
def test_two_looks_decide_where_another_clock_has_set_the_time(
    inbox: Path, books: Any, import_now: Import, ahead: int
) -> None:
    path = inbox / "a.csv"
    now = 2_000_000_000

    def write(text: str) -> None:
        path.write_text(text)
        os.utime(path, (now + ahead, now + ahead))

    def imported(pause: Callable[[float], None]) -> Any:
        return import_now(settling=2, now=lambda: now, pause=pause)

    write(HEADER + row(1) + row(2)[:-3])
    grows = imported(lambda _: write(HEADER + row(1) + row(2)[:-1]))
    assert grows.counts == {"a.csv": ("waiting", 0, 0, 0, 0)}
    assert imported(lambda _: None).counts == {"a.csv": ("done", 2, 2, 0, 0)}
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


def test_a_file_that_changes_while_it_settles_waits_and_one_moved_in_does_not(
    inbox: Path, books: Any, import_now: Import
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

    states = []
    for _ in range(2):
        run = import_now(settling=2, now=time.time, pause=pause)
        states.append([file.state for file in run.files])
    assert states == [["done", "waiting", "done"], ["known", "done", "known"]]
    assert (paused, sorted(books.entries)) == ([2, 2], ["1", "2", "3", "4"])


def test_a_file_replaced_during_its_import_is_imported_again(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))

    def replace(*_: object) -> None:
        (inbox / "a.csv").write_text(HEADER + row(1) + row(2))

    assert import_now(progress=replace).counts == {"a.csv": ("waiting", 1, 1, 0, 0)}
    assert import_now().counts == {"a.csv": ("done", 2, 1, 1, 0)}
    assert sorted(books.entries) == ["1", "2"]


def test_ignores_what_is_not_an_export(inbox: Path, import_now: Import) -> None:
    (inbox / ".hidden.csv").write_text(HEADER + row(1))
    (inbox / "a.csv.part").write_text(HEADER + row(1))
    (inbox / "folder.csv").mkdir()
    os.mkfifo(inbox / "pipe.csv")
    (inbox / "dangling.csv").symlink_to("nowhere")
    (inbox / "loop.csv").symlink_to("loop.csv")
    assert import_now().counts == {}


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read, even by root"
)
def test_a_file_that_cannot_be_read_fails_alone(inbox: Path, import_now: Import) -> None:
    (inbox / "a.csv").symlink_to("/proc/self/mem")
    (inbox / "b.csv").write_text(HEADER + row(1))
    run = import_now()
    assert run.counts == {"a.csv": ("failed", 0, 0, 0, 1), "b.csv": ("done", 1, 1, 0, 0)}
    assert run.rejected_rows == [("a.csv", 1, "", "cannot be read: Input/output error")]


def test_a_file_may_have_any_name(inbox: Path, import_now: Import) -> None:
    names = [b"\xff.csv", b"\xfe.csv", b"x" * 251 + b".csv", "時間 表.CSV".encode(), b"a\nb\x1b[31m.csv"]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_text(HEADER + row(number) + row(number))
    shown = {r"\xff.csv", r"\xfe.csv", "x" * 251 + ".csv", "時間 表.CSV", "a\nb\x1b[31m.csv"}
    assert import_now().counts == dict.fromkeys(shown, ("done", 2, 1, 0, 1))
    rejected = (inbox.parent / "state" / "rejects").iterdir()
    assert sorted(os.fsencode(path.name) for path in rejected) == sorted(names)
