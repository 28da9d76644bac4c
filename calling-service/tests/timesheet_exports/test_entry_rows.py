import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timesheet_exports.entry_rows import Entry, HeaderError, Row, read_entry_rows
from timesheet_exports.text_file import NOT_UTF_8

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
OPEN_QUOTE = "a quote is not closed on this line"


def rows(text: str, header: str = HEADER) -> list[Row]:
    _, found = read_entry_rows(io.StringIO(header + text, newline=""))
    return list(found)


def test_reads_a_row_into_an_entry() -> None:
    assert rows('2026-11-09, Café ,"a, b",7.25,C-1,9\n') == [
        Row(
            2,
            ("2026-11-09", " Café ", "a, b", "7.25", "C-1", "9"),
            Entry(external_id="9", user_id="C-1", date="2026-11-09", project="Café", hours="7.25"),
        )
    ]


def test_names_the_line_on_which_a_row_begins() -> None:
    text = '2026-11-09,P,"two\nlines",1,C-1,1\n\n2026-11-09,P,,1,C-1,2\r\n2026-11-09,P,,1,C-1,3'
    assert [row.line for row in rows(text)] == [2, 5, 6]


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        ("2026-11-09,P,,25,C-1,1", (("Hours", "25 is not more than 0 and at most 24"),)),
        ("2026-11-09,P,,0.00,C-1,1", (("Hours", "0.00 is not more than 0 and at most 24"),)),
        ("2026-11-09,P,,24.01,C-1,1", (("Hours", "24.01 is not more than 0 and at most 24"),)),
        ("2026-11-09,P,,1.005,C-1,1", (("Hours", "is not a number with at most two decimals"),)),
        ("2026-11-09,P,,NaN,C-1,1", (("Hours", "is not a number with at most two decimals"),)),
        ("2026-11-09,P,,-1,C-1,1", (("Hours", "is not a number with at most two decimals"),)),
        ("2026-11-09,P,,٣,C-1,1", (("Hours", "is not a number with at most two decimals"),)),
        ("2026-11-09,P,,,C-1,1", (("Hours", "is empty"),)),
        ("2026-11-09, ,,1,C-1,1", (("Project", "is empty"),)),
        (f"2026-11-09,{'x' * 101},,1,C-1,1", (("Project", "is longer than 100 characters"),)),
        ("2026-11-09,a\u200bb,,1,C-1,1", (("Project", "contains U+200B, which cannot be seen or printed"),)),
        ("2026-11-09,a\udcffb,,1,C-1,1", (("Project", NOT_UTF_8),)),
        (f"2026-11-09,P,,1,{'x' * 65},1", (("Employee Id", "is longer than 64 characters"),)),
        ("2026-11-09,P,,1,C-1,", (("entry_id", "is empty"),)),
        ("2026-11-31,P,,1,C-1,1", (("Date", "2026-11-31 does not exist"),)),
        ("20261109,P,,1,C-1,1", (("Date", "is not a date of the form 2026-11-09"),)),
        (",P,,1,C-1,1", (("Date", "is empty"),)),
        (",,,1,C-1,1", (("Date", "is empty"), ("Project", "is empty"))),
        ("2026-11-09,P,,1,C-1", (("", "has 5 cells, the header 6"),)),
        ('2026-11-09,P,"a"b,1,C-1,1', (("", "cannot be read as CSV: ',' expected after '\"'"),)),
        (
            '2026-11-09,P,"never closed,1,C-1,1',
            (("", f"cannot be read as CSV: unexpected end of data, and {OPEN_QUOTE}"),),
        ),
    ],
)
def test_names_column_and_reason_of_a_bad_row(row: str, problems: tuple[tuple[str, str], ...]) -> None:
    (found,) = sorted(rows(row), key=lambda row: row.line)[:1]
    assert (found.line, found.entry) == (2, None)
    assert sorted(found.problems) == sorted(problems)


def test_reads_on_after_a_row_that_is_not_csv() -> None:
    found = rows('2026-11-09,P,"a"b,1,C-1,1\n2026-11-09,P,,1,C-1,2\n')
    assert [(row.line, row.entry is not None) for row in found] == [(2, False), (3, True)]


@pytest.mark.parametrize(
    "broken", ['"2026-11-09,P,,1,C-1,1', '2026-11-09,P,"x,1,C-1,1', '2026-11-09,P,,1,C-1,"1']
)
@pytest.mark.parametrize(
    "closing",
    [
        "",
        '2026-11-09,P,"",1,C-1,2\n',
        '2026-11-09,P,"two",1,C-1,2\n',
        '2026-11-09,P,"two\r\nlines",1,C-1,2\n',
        '"2026-11-09","P","","1","C-1","2"\n',
        '2026-11-09,5",,1,C-1,2\n',
    ],
)
def test_a_quote_that_is_not_closed_holds_back_no_other_row(broken: str, closing: str) -> None:
    good = "2026-11-09,P,,1,C-1,3\n"
    rest = good + good + closing + good
    first, *others = rows(f"{broken}\n{rest}")
    assert (first.line, first.cells, first.entry) == (2, (broken,), None)
    assert first.problems[0][1].endswith(OPEN_QUOTE)
    assert others == [replace(row, line=row.line + 1) for row in rows(rest)]


def test_text_in_a_quoted_cell_is_not_a_row_even_if_it_looks_like_one() -> None:
    """Otherwise somebody who names a project could book hours for others."""
    (row,) = rows('2026-11-09,"P\n2026-11-09,P,,24,C-2,2\n",1,C-1,1\n'.replace('",1', '",,1'))
    assert row.problems == (("Project", "contains U+000A, which cannot be seen or printed"),)


@pytest.mark.parametrize(
    "header", ["", "\n", "Date,Project,Hours,Employee Id\n", "Date,Date,Project,Hours,Employee Id,entry_id\n"]
)
def test_refuses_a_file_without_the_columns(header: str) -> None:
    with pytest.raises(HeaderError, match=r"^must name each of these columns once: "):
        rows("1,2,3,4\n", header)


def test_refuses_a_header_that_is_not_csv() -> None:
    with pytest.raises(HeaderError, match=r"^cannot be read as CSV"):
        rows("", '"a"b\n')


@pytest.mark.parametrize(
    ("hours", "problems"),
    [
        ("7,25", ()),
        ("7.25", ()),
        ("1.234,5", (("Hours", "is not a number with at most two decimals"),)),
    ],
)
def test_reads_semicolons_and_their_decimal_commas(hours: str, problems: tuple[tuple[str, str], ...]) -> None:
    header = HEADER.replace(",", ";")
    (row,) = rows(f'2026-11-09;"P; Q";a, b;{hours};C-1;1\r\n', header)
    assert row.problems == problems
    if row.entry:
        assert (row.entry.hours, row.entry.project) == ("7.25", "P; Q")


def test_a_comma_is_not_a_decimal_mark_where_commas_separate() -> None:
    (row,) = rows('2026-11-09,P,,"7,25",C-1,1\n')
    assert row.problems == (("Hours", "is not a number with at most two decimals"),)


@given(st.text(max_size=300))
def test_reads_any_text_without_an_unexpected_error(text: str) -> None:
    for row in rows(text):
        assert (row.entry is None) == bool(row.problems)
