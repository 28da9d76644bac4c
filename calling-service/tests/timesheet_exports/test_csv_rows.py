import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timesheet_exports.csv_rows import LONGEST_ROW, Cells, read_rows, separator_of
from timesheet_exports.text_file import ExportError

NO_CSV = "cannot be read as CSV: "
TOO_LONG = f"{NO_CSV}the row is longer than {LONGEST_ROW} characters"
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
    assert found[:2] == [Cells(1, ("a", "b")), Cells(3, (broken,), why + OPEN_QUOTE)]
    assert found[2:] == [replace(row, line=row.line + 2) for row in rows(f"a,b{end}{after}{end}")[1:]]


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


def test_refuses_a_row_with_another_width_than_the_header() -> None:
    assert rows("a,b\n\n\na,b,c\nd\n,,,d\n")[1:] == [
        Cells(4, ("a", "b", "c"), "has 3 cells, the header 2"),
        Cells(5, ("d",), "has 1 cells, the header 2"),
        Cells(6, ("", "", "", "d"), "has 4 cells, the header 2"),
    ]


BLANK_CELLS = ["", " ", "\t ", "\xa0", "\u3000\u202f", '""', '" "', '"\r\n"']


@pytest.mark.parametrize("cell", BLANK_CELLS)
@pytest.mark.parametrize("width", [1, 2, 9])
@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_leaves_out_rows_whose_cells_are_all_blank(separator: str, width: int, cell: str) -> None:
    blank = separator.join([cell] * width)
    text = f"{blank}\na{separator}b\n{blank}\n{blank}\nc{separator}d\n{blank}"
    file = io.StringIO(text, newline="")
    assert separator_of(file) == separator
    assert [row.cells for row in read_rows(file, separator)] == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize("line", [";;;;", ",", "|||", "\t;\t", " ; ; ", '";;;;"'])
@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_leaves_out_the_blank_rows_of_another_separator(separator: str, line: str) -> None:
    file = io.StringIO(f"a{separator}b\n{line}\nc{separator}d\n", newline="")
    assert [row.cells for row in read_rows(file, separator)] == [("a", "b"), ("c", "d")]


def test_cuts_off_blank_cells_beyond_the_header_and_its_unnamed_columns() -> None:
    assert rows('a,b,, \n1,2\n1,2,,,,\n1,"two\nlines",\xa0\n1,2,,x\n') == [
        Cells(1, ("a", "b")),
        Cells(2, ("1", "2")),
        Cells(3, ("1", "2")),
        Cells(4, ("1", "two\nlines")),
        Cells(6, ("1", "2", "", "x"), "has 4 cells, the header 2"),
    ]


def test_a_row_that_ends_early_is_refused_since_any_cell_of_it_may_be_missing() -> None:
    assert rows("a,b,c\n1,2\n")[1:] == [Cells(2, ("1", "2"), "has 2 cells, the header 3")]


def test_the_names_of_columns_are_clean_and_the_cells_as_they_stood() -> None:
    assert rows('\ufeffDate ,"\xa0Employee\xa0Id\n"\n 1 ,\xa02\n') == [
        Cells(1, ("Date", "Employee Id")),
        Cells(3, (" 1 ", "\xa02")),
    ]


BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001))))
ROWS = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.text(st.characters(codec="utf-8")), min_size=width, max_size=width).filter(
            lambda cells: "".join(cells).strip(f"{BLANKS},;|")
        ),
        min_size=1,
        max_size=8,
    )
)


@pytest.mark.fuzz
@given(
    written=ROWS,
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    name_it=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_reads_what_was_written(
    written: list[list[str]], separator: str, end: str, quoting: Any, *, name_it: bool
) -> None:
    header = [f"column {number}" for number in range(len(written[0]))]
    if quoting == csv.QUOTE_MINIMAL:
        end = "\r\n"  # otherwise the writer leaves the other character of line ends unquoted
    file = io.StringIO(newline="")
    if name_it:
        file.write(f"sep={separator}{end}")
    csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting).writerows([header, *written])
    file.seek(0)
    if name_it or len(header) > 1:
        assert separator_of(file) == separator
    found = list(read_rows(file, separator))
    assert [list(row.cells) for row in found] == [header, *written]
    assert found[0].line == 1 + name_it
    assert not any(row.fault for row in found)


@pytest.mark.fuzz
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6), st.booleans()), min_size=1),
    st.sampled_from(",;\t|"),
)
def test_a_row_has_the_width_of_the_header_or_a_fault(
    shapes: list[tuple[int, int, bool]], separator: str
) -> None:
    """Each row has some filled cells, some blank ones, and perhaps a filled one at its end."""
    written = [["x"] * filled + [""] * blank + ["y"] * ends for filled, blank, ends in shapes]
    text = "\n".join(separator.join(cells) for cells in [["a", "b", "c"], *written])
    _, *found = read_rows(io.StringIO(text, newline=""), separator)
    assert len(found) == len(written)
    for row, cells in zip(found, written, strict=True):
        fits = len(cells) == 3 or (len(cells) > 3 and not any(cells[3:]))
        assert (row.fault == "") == fits
        assert list(row.cells) == (cells[:3] if fits else cells)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b;c,d", ","),
        ("a;b,c;d", ";"),
        ("a\tb\tc,d", "\t"),
        ("a|b|c", "|"),
        ("a", ","),
        ("", ","),
        ('"Hours, rounded, in, all";Date', ";"),
        ('Date;"a ""b"", c, d, e"', ";"),
        ('"Hours\n(a,b,c)";Date;x\n', ";"),
        ('"not, closed;', ","),
        ("\n \r\n;;;;;\r\na,b\n", ","),
        ('"","",""\na;b', ";"),
        ("sep=;\na,b,c", ";"),
        ("sep=\t\r\na,b,c", "\t"),
        ("SEP=|\ra,b,c", "|"),
        ('"sep=;"\na,b,c', ";"),
        ("sep=,;;;\na;b", ","),
    ],
)
def test_takes_the_separator_from_the_first_row(text: str, separator: str) -> None:
    file = io.StringIO(f"{text}\n;;;;,,,,,,,,", newline="")
    assert separator_of(file) == separator
    assert file.tell() == 0


@pytest.mark.parametrize("mark", [":", "x", " "])
def test_refuses_another_separator(mark: str) -> None:
    with pytest.raises(ExportError) as refused:
        separator_of(io.StringIO(f"sep={mark}\na{mark}b\n", newline=""))
    assert str(refused.value) == f"has '{mark}' between its cells; use a comma, a semicolon, a tab or |"


@pytest.mark.parametrize("name_it", ["sep=;", '"sep=;"', "sep=;;;;"])
def test_counts_the_line_that_names_the_separator(name_it: str) -> None:
    file = io.StringIO(f"{name_it}\r\na;b\r\n1;2\r\nsep=;\r\n", newline="")
    assert list(read_rows(file, ";")) == [
        Cells(2, ("a", "b")),
        Cells(3, ("1", "2")),
        Cells(4, ("sep=", "")),
    ]


def test_finds_the_separator_fast_where_a_quote_is_not_closed() -> None:
    """Otherwise this would take minutes: each line is looked at again with those before it."""
    assert separator_of(io.StringIO('"\n' * 3 + 'a;b;"' + "x\n" * LONGEST_ROW, newline="")) == ";"
