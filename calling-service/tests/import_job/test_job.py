"""The files that are sent and those that are known; a run that is stopped, in whatever order files arrive."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from calling_service.database import prepare
from calling_service.import_job.job import ImportJob
from calling_service.import_job.report import ImportReport
from calling_service.import_job.timesheets_api import ApiError, Receipt
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from timesheet_exports.entry_rows import Entry

Import = Callable[..., Any]
Kill = Callable[[str, int], None]
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"


def row(number: int, hours: str = "1.00", project: str = "P") -> str:
    return f"2026-11-09,{project},note {number},{hours},C-1,{number}\n"


def test_uploads_in_chunks(inbox: Path, books: Any, import_now: Import) -> None:
    (inbox / "a.csv").write_text(HEADER + "".join(map(row, range(1200))))
    seen: list[tuple[int, int]] = []
    run = import_now(progress=lambda done, total: seen.append((done, total)))
    assert run.counts == {"a.csv": ("done", 1200, 1200, 0, 0)}
    assert books.chunks == [500, 500, 200]
    assert seen == [(501, 1201), (1001, 1201), (1201, 1201), (1201, 1201)]


def test_a_content_that_is_done_is_not_sent_again_under_another_name(
    inbox: Path, books: Any, import_now: Import
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1))
    import_now()
    (inbox / "a.csv").rename(inbox / "b.csv")
    assert import_now().counts == {"b.csv": ("known", 0, 0, 0, 0)}
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
    assert import_now().counts["b.csv"] == ("known", 0, 0, 0, 0)
    run = import_now(resend=True)
    assert run.counts == {"a.csv": ("done", 1, 0, 1, 0), "b.csv": ("known", 0, 0, 0, 0)}


def test_an_api_that_is_down_stops_the_run_and_leaves_the_file_to_do(
    inbox: Path, books: Any, import_now: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "a.csv").write_text(HEADER + row(1) + row(2, "25"))

    def down(_: Any) -> Receipt:
        raise ApiError("http://api/", 503, "no keys")

    with monkeypatch.context() as patch:
        patch.setattr(books, "upload", down)
        with pytest.raises(ApiError):
            import_now()
    assert list((inbox.parent / "state" / "rejects").iterdir()) == []
    assert import_now().counts == {"a.csv": ("done", 2, 1, 0, 1)}


@pytest.mark.parametrize("point", ["kill_before", "kill_after"])
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_killed_in_any_chunk_and_started_again_books_each_entry_once(
    inbox: Path, books: Any, import_now: Import, *, import_killed: Kill, point: str, chunk: int
) -> None:
    (inbox / "a.csv").write_text(HEADER + "".join(map(row, range(750))) + row(7, "2.00"))
    (inbox / "b.csv").write_text(HEADER + row(900) + row(8))
    import_killed(point, chunk)
    run = import_now()
    assert len(books.entries) == 751
    assert run.rejected_rows[-1] == ("b.csv", 3, "entry_id", "repeats 8 of a.csv line 10")
    assert set(import_now().counts.values()) == {("known", 0, 0, 0, 0)}


@st.composite
def shuffled(draw: st.DrawFn) -> list[list[tuple[int, str]]]:
    lines = draw(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["1.00", "2.00", "25"])), max_size=24))
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    return [lines[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]


@hypothesis_settings(max_examples=40)
@given(files=shuffled())
def test_any_split_over_files_books_the_first_good_row_of_each_id(
    tmp_path_factory: pytest.TempPathFactory, new_books: Any, files: list[list[tuple[int, str]]]
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
    books = new_books()
    run = ImportReport()
    ImportJob(root / "inbox", root / "state", books.upload).run(run, lambda *_: None)
    assert {entry.external_id: entry.hours for entry in books.entries.values()} == first


def booked_before(number: int, hours: str) -> dict[str, Entry]:
    return {str(number): Entry(str(number), "C-1", "2026-11-09", "P", hours)}


@hypothesis_settings(max_examples=40)
@given(
    lines=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["1.00", "2.00", "25"])), max_size=12),
    before=st.dictionaries(st.integers(0, 4), st.sampled_from(["1.00", "2.00"])),
    data=st.data(),
)
def test_where_a_chunk_ends_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory,
    new_books: Any,
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
        books = new_books()
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
    tmp_path_factory: pytest.TempPathFactory,
    new_books: Any,
    files: list[list[tuple[int, str]]],
    data: st.DataObject,
) -> None:
    root = tmp_path_factory.mktemp("arrivals")
    (root / "state").mkdir()
    prepare(root / "state")
    (root / "inbox").mkdir()
    books = new_books()
    job = ImportJob(root / "inbox", root / "state", books.upload)
    run = ImportReport()
    for number in data.draw(st.permutations(range(len(files)))):
        lines = "".join(row(*line) for line in files[number])
        (root / "inbox" / f"{number}.csv").write_text(f"{HEADER}{lines}")
        books.kill_after = data.draw(st.sampled_from([None, len(books.chunks) + 1]))
        with suppress(new_books.Killed):
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
