import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timesheet_exports.column_map import ColumnMap, read_column_map
from timesheet_exports.entry_rows import OTHER_HEADER, Entry, HeaderError, Row, read_entry_rows
from timesheet_exports.text_file import NOT_UTF_8

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
OWN = read_column_map("exampleco")
OPEN_QUOTE = "a quote is not closed on this line"


def rows(text: str, header: str = HEADER, column_map: ColumnMap = OWN) -> list[Row]:
    _, found = read_entry_rows(io.StringIO(header + text, newline=""), column_map)
    return list(found)


def test_reads_a_row_into_an_entry() -> None:
    (row,) = rows('2026-11-09, Café ,"a, b",7.25,C-1,9\n')
    assert (row.line, row.problems, row.entry_id, row.rounded) == (2, (), "9", 0)
    assert row.cells == ("2026-11-09", " Café ", "a, b", "7.25", "C-1", "9")
    assert row.entry == Entry(external_id="9", user_id="C-1", date="2026-11-09", project="Café", hours="7.25")


def test_names_the_line_on_which_a_row_begins() -> None:
    text = '2026-11-09,P,"two\nlines",1,C-1,1\n\n2026-11-09,P,,1,C-1,2\r\n2026-11-09,P,,1,C-1,3'
    assert [row.line for row in rows(text)] == [2, 5, 6]


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        ("2026-11-09,P,,25,C-1,1", (("hours", "25 is not more than 0 and at most 24"),)),
        ("2026-11-09,P,,0.00,C-1,1", (("hours", "0.00 is not more than 0 and at most 24"),)),
        ("2026-11-09,P,,24.01,C-1,1", (("hours", "24.01 is not more than 0 and at most 24"),)),
        (
            "2026-11-09,P,,0.3333,C-1,1",
            (("hours", "0.3333 is not a whole number of hundredths, and this format does not round"),),
        ),
        ("2026-11-09,P,,NaN,C-1,1", (("hours", "is not a number of hours, such as 7.25"),)),
        ("2026-11-09,P,,-1,C-1,1", (("hours", "-1 is not more than 0 and at most 24"),)),
        ("2026-11-09,P,,٣,C-1,1", (("hours", "is not a number of hours, such as 7.25"),)),
        ("2026-11-09,P,,,C-1,1", (("hours", "is empty"),)),
        ("2026-11-09, ,,1,C-1,1", (("project", "is empty"),)),
        (f"2026-11-09,{'x' * 101},,1,C-1,1", (("project", "is longer than 100 characters"),)),
        ("2026-11-09,a\u200bb,,1,C-1,1", (("project", "contains U+200B, which cannot be seen or printed"),)),
        ("2026-11-09,a\udcffb,,1,C-1,1", (("project", NOT_UTF_8),)),
        (f"2026-11-09,P,,1,{'x' * 65},1", (("user_id", "is longer than 64 characters"),)),
        ("2026-11-09,P,,1,C-1,", (("external_id", "is empty"),)),
        ("2026-11-31,P,,1,C-1,1", (("date", "2026-11-31 does not exist"),)),
        ("20261109,P,,1,C-1,1", (("date", "is not a date of the form 2026-11-09"),)),
        (",P,,1,C-1,1", (("date", "is empty"),)),
        (",,,1,C-1,1", (("date", "is empty"), ("project", "is empty"))),
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
    assert others == [row._replace(line=row.line + 1) for row in rows(rest)]


def test_text_in_a_quoted_cell_is_not_a_row_even_if_it_looks_like_one() -> None:
    """Otherwise somebody who names a project could book hours for others."""
    (row,) = rows('2026-11-09,"P\n2026-11-09,P,,24,C-2,2\n",1,C-1,1\n'.replace('",1', '",,1'))
    assert row.problems == (("project", "contains U+000A, which cannot be seen or printed"),)


@pytest.mark.parametrize(
    "header", ["", "\n", "Date,Project,Hours,Employee Id\n", "Date,Date,Project,Hours,Employee Id,entry_id\n"]
)
def test_refuses_a_file_without_the_columns(header: str) -> None:
    with pytest.raises(HeaderError, match=r"^must name each of these columns once: "):
        rows("1,2,3,4\n", header)


def test_refuses_a_header_that_is_not_csv() -> None:
    with pytest.raises(HeaderError, match=r"^cannot be read as CSV"):
        rows("", '"a"b\n')


@pytest.mark.parametrize("hours", ["7,25", "7.25", "7.2500"])
def test_reads_semicolons_and_their_decimal_commas(hours: str) -> None:
    (row,) = rows(f'2026-11-09;"P; Q";a, b;{hours};C-1;1\r\n', HEADER.replace(",", ";"))
    assert row.entry == Entry("1", "C-1", "2026-11-09", "P; Q", "7.25")


@pytest.mark.parametrize(("hours", "booked"), [("7,5", "7.50"), ("7,25", "7.25"), ("0,1", "0.10")])
def test_reads_a_quoted_decimal_comma_where_commas_separate(hours: str, booked: str) -> None:
    (row,) = rows(f'2026-11-16,Shop,Notes,"{hours}",C-1001,9900000001\n')
    assert row.entry == Entry("9900000001", "C-1001", "2026-11-16", "Shop", booked)


@pytest.mark.parametrize(
    ("entry_id", "reason"),
    [
        ("9.9E+09", "9.9E+09 is a number that a spreadsheet has rounded; take it from the tool again"),
        ("9 900", "9 900 is not an id of this tool; a spreadsheet may have changed it"),
        ('"9,900"', "9,900 is not an id of this tool; a spreadsheet may have changed it"),
        ("=A1", "is a formula; save the file with what it yields"),
    ],
)
def test_refuses_an_id_that_a_spreadsheet_has_changed(entry_id: str, reason: str) -> None:
    (row,) = rows(f"2026-11-16,Shop,,7.5,C-1001,{entry_id}\n")
    assert row.problems == (("external_id", reason),)


@pytest.mark.parametrize("entry_id", ["9900000001", "'9900000001", '"=""9900000001"""'])
@pytest.mark.parametrize("user_id", ["0012", "'0012", '"=""0012"""'])
def test_takes_off_what_a_spreadsheet_put_around_an_id(entry_id: str, user_id: str) -> None:
    (row,) = rows(f"2026-11-16,Shop,,7.5,{user_id},{entry_id}\n")
    assert row.entry == Entry("9900000001", "0012", "2026-11-16", "Shop", "7.50")


def test_two_entries_are_alike_if_they_differ_in_their_ids_alone() -> None:
    first, second, other, rewritten = rows(
        "2026-11-16,Shop,call,7.5,0012,1\n2026-11-16,Shop,call,7.50,0012,2\n2026-11-16,Shop,mail,7.5,0012,3\n"
        "2026-11-16 00:00:00,Shop,call,7.500,12,1\n"
    )
    assert first.likeness == second.likeness == rewritten.likeness != other.likeness


TOGGL = (
    "User,Email,Client,Project,Task,Description,Billable,"
    "Start date,Start time,End date,End time,Duration,Tags\n"
)
ZOE = "Zoë,zoe@exampleco.example,Acme,Shop,,{},No,2026-11-16,{},2026-11-16,10:00:00,{},\n"


def toggl_rows(*described: tuple[str, str, str], front: str = "", header: str = TOGGL) -> list[Row]:
    return rows("".join(front + ZOE.format(*each) for each in described), header, read_column_map("toggl"))


def test_makes_the_ids_that_a_tool_does_not_export() -> None:
    first, edited, twin = toggl_rows(
        ("a", "09:00:00", "01:00:00"), ("b", "09:30:00", "00:20:00"), ("c", "9:00:00 AM", "00:30:00")
    )
    assert first.entry == Entry(first.entry_id, "zoe@exampleco.example", "2026-11-16", "Shop", "1.00")
    assert first.entry_id.startswith("toggl-")
    assert twin.entry_id == f"{first.entry_id}-2"
    assert edited.entry_id not in {first.entry_id, twin.entry_id}
    assert edited.rounded == pytest.approx(-1 / 300)


def test_an_edited_entry_has_the_same_made_id() -> None:
    (before,) = toggl_rows(("call", "09:00:00", "01:00:00"))
    (after,) = toggl_rows(("call with Anna", "09:00:00", "01:30:00"))
    assert before.entry_id == after.entry_id


REJECTS = "file,line,column,reason,made_id," + TOGGL
FRONT = "week.csv,3,Duration,a reason,{},"


def test_a_rejected_row_keeps_its_made_id_when_it_is_fed_back() -> None:
    _, twin = toggl_rows(("a", "09:00:00", "01:00:00"), ("b", "09:00:00", "25:00:00"))
    assert (twin.entry, twin.problems[0][0]) == (None, "hours")
    front = FRONT.format(twin.entry_id)
    (fed_back,) = toggl_rows(("b", "09:00:00", "02:30:00"), front=front, header=REJECTS)
    assert fed_back.entry == Entry(twin.entry_id, "zoe@exampleco.example", "2026-11-16", "Shop", "2.50")
    assert fed_back.cells == tuple(ZOE.format("b", "09:00:00", "02:30:00").strip("\n").split(","))
    (uncorrected,) = toggl_rows(("b", "09:00:00", "25:00:00"), front=front, header=REJECTS)
    assert (uncorrected.problems, uncorrected.entry_id) == (twin.problems, twin.entry_id)


@pytest.mark.parametrize("changed", ["", "toggl-1", "harvest-" + "0" * 32])
def test_makes_the_id_of_a_fed_back_row_that_has_none(changed: str) -> None:
    (row,) = toggl_rows(("a", "09:00:00", "01:00:00"))
    (fed_back,) = toggl_rows(("a", "09:00:00", "01:00:00"), front=FRONT.format(changed), header=REJECTS)
    assert fed_back.entry_id == row.entry_id


def test_keeps_no_made_id_for_a_row_whose_correction_will_change_it() -> None:
    (row,) = rows(ZOE.replace("2026-11-16", "16.11.26"), TOGGL, read_column_map("toggl"))
    assert (row.problems[0][0], row.entry_id) == ("date", "")


def test_a_rejects_file_is_known_under_any_format_and_with_semicolons() -> None:
    header = f"file;line;column;reason;{HEADER.replace(',', ';')}"
    (row,) = rows("week.csv;3;Hours;is odd;2026-11-09;P;;7,5;C-1;1\n", header)
    assert row.entry == Entry("1", "C-1", "2026-11-09", "P", "7.50")
    assert row.cells == ("2026-11-09", "P", "", "7,5", "C-1", "1")


def test_a_row_that_was_split_by_hand_is_read() -> None:
    found = rows(
        'w.csv,3,,cannot be read,"2026-11-09,P,""x"",1,C-1,1"\nw.csv,4,,cannot be read,2026-11-09;P\n',
        f"file,line,column,reason,{HEADER}",
    )
    assert found[0].entry == Entry("1", "C-1", "2026-11-09", "P", "1.00")
    assert (found[1].cells, found[1].problems) == (("2026-11-09;P",), (("", "cannot be read"),))


CLOCKIFY = "Project,Client,Email,Start Date,Start Time,Duration (h)\n"
KIMAI = "Date,From,Duration,User,Project\n"


@pytest.mark.parametrize(
    ("name", "header", "row", "is_total"),
    [
        ("clockify", CLOCKIFY, "Total,,,,,10:30:00", True),
        ("clockify", CLOCKIFY, "TOTAL ,,,,,10:30:00", True),
        ("clockify", CLOCKIFY, "Total,,zoe@exampleco.example,11/16/2026,09:00:00,01:30:00", False),
        ("clockify", CLOCKIFY, "Total,,,11/16/2026,09:00:00,01:30:00", False),
        ("clockify", CLOCKIFY, "Shop,,,,,01:30:00", False),
        ("kimai", KIMAI, ",,10:30,,", True),
        ("kimai", KIMAI, ",,=SUBTOTAL(9;C2:C9),,", True),
        ("kimai", KIMAI, ",,10:30,zoe,Shop", False),
        ("kimai", KIMAI, ",,10:30,,Shop", False),  # an entry whose day and user somebody has deleted
        ("clockify", "Duration (h),Start Time,Start Date,Email,Project\n", "10:30:00,,,,Total", True),
        (
            "harvest",
            "Date,First Name,Last Name,Client,Project,Task,Notes,Employee Id,Hours\n",
            "Total,,,,,,,,9",
            True,
        ),
        ("exampleco", HEADER, "Total,,,10.50,,", False),
    ],
)
def test_passes_over_the_sum_of_other_rows_and_nothing_else(
    name: str, header: str, row: str, *, is_total: bool
) -> None:
    assert (rows(row + "\n", header, read_column_map(name)) == []) == is_total


def test_refuses_a_file_whose_dates_are_in_another_order() -> None:
    """Otherwise the 3rd of April would be booked as the 4th of March."""
    row = "Shop,Acme,zoe@exampleco.example,{},09:00:00,01:30:00\n"
    clockify = read_column_map("clockify")
    with pytest.raises(HeaderError) as refused:
        rows(row.format("03/04/2026") + row.format("16/11/2026"), CLOCKIFY, clockify)
    assert str(refused.value) == (
        "has dates such as 16/11/2026, and the export format has the order of 11/09/2026 (month, day, year)"
    )
    found = rows(row.format("16/11/2026") + row.format("11/16/2026"), CLOCKIFY, clockify)
    assert [row.problems != () for row in found] == [True, False]


def test_joins_the_cells_of_several_columns() -> None:
    columns = {**OWN.columns, "user_id": ("First", "Last")}
    (row,) = rows(
        "2026-11-09,P,1,Zoë,Lindqvist,7\n",
        "Date,Project,Hours,First,Last,entry_id\n",
        replace(OWN, columns=columns),
    )
    assert row.entry == Entry("7", "Zoë Lindqvist", "2026-11-09", "P", "1.00")


def test_names_the_format_that_fits_the_file_of_another_tool() -> None:
    with pytest.raises(HeaderError) as refused:
        rows("", TOGGL)
    assert str(refused.value) == (
        "must name each of these columns once: entry_id, Employee Id, Date, Hours; its columns are those of"
        " another export format: set EXPORT_FORMAT to toggl"
    )


def test_files_that_were_joined_may_each_have_the_header() -> None:
    text = f"2026-11-09,P,,1,C-1,1\n\ufeff{HEADER.upper()}2026-11-09,P,,2,C-1,2\n"
    assert [row.entry_id for row in rows(text)] == ["1", "2"]


def test_refuses_the_rows_under_another_header() -> None:
    """Under the first one, the hours would be somebody's id."""
    other = HEADER.replace("Hours,Employee Id", "Employee Id,Hours")
    text = f"2026-11-09,P,,1,C-1,1\n{other}2026-11-09,P,,7,8,2\n2026-11-09,P\n{HEADER}2026-11-09,P,,3,C-1,3\n"
    assert [row.problems or row.entry_id for row in rows(text)] == [
        "1",
        (("", OTHER_HEADER),),
        (("", OTHER_HEADER),),
        (("", "has 2 cells, the header 6"),),
        "3",
    ]


def test_other_columns_may_have_any_names_or_none() -> None:
    (row,) = rows("x,2026-11-09,P,1,C-1,1,,\n", "Tag,DATE, project ,Hours,Employee id,entry_id,Tag,\n")
    assert row.entry == Entry("1", "C-1", "2026-11-09", "P", "1.00")


@pytest.mark.fuzz
@given(st.text(max_size=300))
def test_reads_any_text_without_an_unexpected_error(text: str) -> None:
    for row in rows(text):
        assert (row.entry is None) == bool(row.problems)
