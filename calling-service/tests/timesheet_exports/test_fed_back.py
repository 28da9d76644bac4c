import pytest
from timesheet_exports.csv_rows import Cells
from timesheet_exports.fed_back import columns_in_front, kept_id, own_cells

FRONT = ("week.csv", "3", "", "cannot be read as CSV: a reason")


@pytest.mark.parametrize(
    ("header", "front"),
    [
        (["file", "line", "column", "reason", "Date"], 4),
        ([" File", "LINE", "column", "reason", "Date"], 4),
        (["file", "line", "column", "reason", "made_id", "Date"], 5),
        (["file", "line", "column", "reason"], 4),
        (["made_id", "Date"], 1),
        (["file", "line", "column", "Date"], 0),
        (["Date", "file", "line", "column", "reason"], 0),
        ([], 0),
    ],
)
def test_knows_a_rejects_file_by_its_first_columns(header: list[str], front: int) -> None:
    assert columns_in_front(header) == front


def test_keeps_the_id_that_was_made() -> None:
    assert kept_id(Cells(2, (*FRONT, " toggl-1 ", "a")), 5) == "toggl-1"
    assert kept_id(Cells(2, (*FRONT, "a")), 4) == ""
    assert kept_id(Cells(2, ("a", "b")), 0) == ""


def test_keeps_the_id_that_was_made_where_the_columns_before_it_were_removed() -> None:
    row = Cells(2, ("toggl-1", "a", "b", "c"))
    assert kept_id(row, 1) == "toggl-1"
    assert own_cells(row, 1, 3) == Cells(2, ("a", "b", "c"))
    faulty = Cells(3, ('toggl-1,"a',), "cannot be read as CSV: a reason")
    assert own_cells(faulty, 1, 3) == faulty


@pytest.mark.parametrize("line", ["a,b,c", "a;b;c", "a\tb\tc", "a|b|c", '"a",b,c'])
def test_splits_a_row_that_was_corrected_in_its_one_cell(line: str) -> None:
    for cells in ((*FRONT, line), (*FRONT, line, "", "")):
        assert own_cells(Cells(2, cells, "has 5 cells, the header 7"), 4, 3) == Cells(2, ("a", "b", "c"))


@pytest.mark.parametrize("line", ['a,"b,c', "a,b", ""])
def test_a_row_that_still_cannot_be_split_keeps_its_reason(line: str) -> None:
    row = Cells(2, (*FRONT, line), "has 5 cells, the header 7")
    assert own_cells(row, 4, 3) == Cells(2, (line,), FRONT[3])


def test_a_row_that_was_too_long_keeps_its_reason() -> None:
    assert own_cells(Cells(2, FRONT, "has 4 cells, the header 7"), 4, 3) == Cells(2, (), FRONT[3])


def test_counts_the_cells_of_a_row_without_those_in_front() -> None:
    row = Cells(2, (*FRONT, "a", "b"), "has 6 cells, the header 7")
    assert own_cells(row, 4, 3) == Cells(2, ("a", "b"), "has 2 cells, the header 3")


def test_a_row_that_is_no_longer_csv_has_its_own_reason() -> None:
    row = Cells(2, ('week.csv,3,"',), "cannot be read as CSV: unexpected end of data")
    assert own_cells(row, 4, 3) == row
