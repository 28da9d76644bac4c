import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timesheet_exports.csv_rows import LONGEST_ROW, Cells, read_rows, separator_of

NO_CSV = "cannot be read as CSV: "
TOO_LONG = f"{NO_CSV}a row has less than {LONGEST_ROW} characters"
NO_SEPARATOR = f"{NO_CSV}',' expected after '\"'"
OPEN_QUOTE = "a quote is not closed on this line"


def rows(text: str) -> list[Cells]:
    return list(read_rows(io.StringIO(text, newline=""), ","))


@pytest.mark.parametrize(
    "long", ["x" * LONGEST_ROW, "x" * 3 * LONGEST_ROW, "x," * LONGEST_ROW, '"' + "x," * LONGEST_ROW]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_skips_a_line_that_is_too_long_and_reads_on(long: str, end: str) -> None:
    found = rows(f"a,b{end}{long}{end}c,d{end}")
    assert found == [Cells(1, ("a", "b")), Cells(2, (), TOO_LONG), Cells(3, ("c", "d"))]


def test_a_file_may_end_in_a_line_that_is_too_long() -> None:
    assert rows("x" * LONGEST_ROW) == [Cells(1, (), TOO_LONG)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("after", "why"),
    [
        (
            "c,d",
            f"{NO_CSV}unexpected end of data, and ",
        ),  # nothing closes the quote: not before the end of the file,
        ("x" * 200_000, f"{NO_CSV}field larger than field limit (131072), and "),  # of the longest cell,
        ('"",' + "x" * LONGEST_ROW, f"{TOO_LONG}, and "),  # of the longest row,
        ('c,"d"', f"{NO_SEPARATOR}, and "),  # or what does has no separator after it,
        ('"c","d"', f"{NO_SEPARATOR}, and "),
        ('c,d,"', "has 3 cells, the header 2, and "),  # or makes the row too wide
    ],
)
def test_a_quote_that_is_not_closed_spoils_only_its_own_line(after: str, why: str, end: str) -> None:
    broken = 'q,r,"C-1'
    found = rows(f"a,b{end}{end}{broken}{end}{after}{end}")
    assert found[:3] == [Cells(1, ("a", "b")), Cells(2, ()), Cells(3, (broken,), why + OPEN_QUOTE)]
    assert found[3:] == [replace(row, line=row.line + 2) for row in rows(f"a,b{end}{after}{end}")[1:]]


@pytest.mark.parametrize("closed", ["", '"'])
def test_no_line_is_read_again_for_each_quote_before_it_that_is_not_closed(closed: str) -> None:
    """Otherwise this would take minutes: each quote stays open until the last line."""
    broken = ['x","y'] * 20_000
    found = rows("\n".join(["a,b", *broken, f"c,d{closed}"]))
    assert [row.line for row in found] == list(range(1, 20_003))
    assert {row.cells for row in found[1:-1]} == {('x","y',)}
    assert found[-1] == Cells(20_002, ("c", f"d{closed}"))


def test_a_line_that_cannot_be_read_is_kept_as_it_stood() -> None:
    assert rows('a,b\n"a"b,\r\nc,d\r\n')[1:] == [Cells(2, ('"a"b,',), NO_SEPARATOR), Cells(3, ("c", "d"))]


def test_refuses_a_row_with_another_width_than_the_first() -> None:
    assert rows("a,b\n\n\na,b,c\nd\n")[3:] == [
        Cells(4, ("a", "b", "c"), "has 3 cells, the header 2"),
        Cells(5, ("d",), "has 1 cells, the header 2"),
    ]


@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.text(st.characters(codec="utf-8")), min_size=width, max_size=width), max_size=8
        )
    ),
    st.sampled_from(",;"),
)
def test_reads_what_was_written(written: list[list[str]], separator: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(written)
    file.seek(0)
    assert [list(row.cells) for row in read_rows(file, separator)] == written


@pytest.mark.parametrize(("first", "separator"), [("a,b;c,d", ","), ("a;b,c;d", ";"), ("a", ","), ("", ",")])
def test_takes_the_separator_from_the_first_line(first: str, separator: str) -> None:
    assert separator_of(io.StringIO(f"{first}\n;;;;,,,,,,,,", newline="")) == separator
