from collections.abc import Callable

import pytest
from timesheet_exports.cells import CellError, identifier, project, text_of, user_id


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (" 0012 ", "0012"),
        ("'0012", "0012"),
        ('="0012"', "0012"),
        ('= "0012"', "0012"),
        ('=" a ""b"""', 'a "b"'),
        ('=T("0012")', "0012"),
        ('=t("0012")', "0012"),
        ('="0012")', '="0012")'),
        ("'=1", "=1"),
        ("'-5", "-5"),
        ("'t Hooft", "'t Hooft"),
        ("'", "'"),
        ("", ""),
        ("=A1", "=A1"),
    ],
)
def test_takes_off_what_spreadsheets_put_around_text(cell: str, text: str) -> None:
    assert text_of(cell) == text


@pytest.mark.parametrize("cell", ["C-1001", "'C-1001", '="C-1001"', " C-1001"])
def test_an_identifier_is_the_text_itself(cell: str) -> None:
    assert identifier(cell) == "C-1001"


@pytest.mark.parametrize("cell", ["9.9E+09", "9,90E+09", "1E+15", "9.9e9", "'9.9E+09", "12.3E+08", "1E-05"])
def test_refuses_an_identifier_in_exponent_form(cell: str) -> None:
    with pytest.raises(CellError, match="is a number that a spreadsheet has rounded; take it from the tool"):
        identifier(cell)


@pytest.mark.parametrize("cell", ["3E12", "5e83", "600000000000e01", "E+09"])
def test_an_identifier_may_look_a_little_like_a_number(cell: str) -> None:
    assert identifier(cell) == cell


def test_refuses_an_identifier_that_is_another_formula() -> None:
    with pytest.raises(CellError, match=r"^is a formula; save the file with what it yields$"):
        identifier("=A1&B1")


@pytest.mark.parametrize(
    "cell", ["#REF!", "#N/A", "#NAME?", "#DIV/0!", "#NV", "#¡VALOR!", "########", "Err:502"]
)
@pytest.mark.parametrize("value", [user_id, project])
def test_refuses_what_a_spreadsheet_shows_in_place_of_a_value(value: Callable[[str], str], cell: str) -> None:
    with pytest.raises(CellError, match=r"is what a spreadsheet shows in place of a value; take it from"):
        value(cell)


@pytest.mark.parametrize("cell", ["#1", "#42 Relaunch", "C#", "#", "# notes"])
def test_a_project_may_begin_with_a_number_sign(cell: str) -> None:
    assert project(cell) == cell
