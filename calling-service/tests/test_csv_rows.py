import csv
import io

import pytest
from calling_service.csv_rows import LONGEST_ROW, Cells, read_rows, separator_of
from hypothesis import given
from hypothesis import strategies as st

TOO_LONG = f"cannot be read as CSV: a row has less than {LONGEST_ROW} characters"


def rows(text: str) -> list[Cells]:
    return list(read_rows(io.StringIO(text, newline=""), ","))


@pytest.mark.parametrize(
    ("long", "lines"),
    [
        ("x" * LONGEST_ROW, 1),
        ("x" * 3 * LONGEST_ROW, 1),
        ("x," * LONGEST_ROW, 1),
        ('"' + "x," * LONGEST_ROW, 1),
        (f'"{"x" * 99_999}\n",' * 10 + f'"{"x" * 99_999}', 11),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_passes_over_a_row_that_is_too_long_and_goes_on(long: str, lines: int, end: str) -> None:
    found = rows(f"a,b{end}{long}{end}c,d{end}")
    assert found == [Cells(1, ("a", "b")), Cells(2, (), TOO_LONG), Cells(2 + lines, ("c", "d"))]


def test_a_file_may_end_in_a_row_that_is_too_long() -> None:
    assert rows("x" * LONGEST_ROW) == [Cells(1, (), TOO_LONG)]


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2), max_size=8), st.sampled_from(",;")
)
def test_reads_what_was_written(written: list[list[str]], separator: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(written)
    file.seek(0)
    assert [list(row.cells) for row in read_rows(file, separator)] == written


@pytest.mark.parametrize(("first", "separator"), [("a,b;c,d", ","), ("a;b,c;d", ";"), ("a", ","), ("", ",")])
def test_goes_by_the_first_line_for_the_separator(first: str, separator: str) -> None:
    assert separator_of(io.StringIO(f"{first}\n;;;;,,,,,,,,", newline="")) == separator
