from pathlib import Path

import pytest
from timesheet_exports.column_map import SHIPPED, ColumnMapError, fitting, read_column_map

OWN = """
name = "Ours"
[columns]
user_id = ["First", "Last"]
date = "Day"
project = "Project"
hours = "Time"
[hours]
unit = "H:MM"
[id]
column = "No"
"""


def test_ships_a_map_for_each_of_the_tools() -> None:
    assert SHIPPED == ("clockify", "exampleco", "harvest", "kimai", "toggl")
    for name in SHIPPED:
        assert read_column_map(name).name


def test_a_map_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(OWN)
    column_map = read_column_map(str(path))
    assert column_map.columns == {
        "external_id": ("No",),
        "user_id": ("First", "Last"),
        "date": ("Day",),
        "project": ("Project",),
        "hours": ("Time",),
    }
    assert (column_map.units, column_map.rounding, column_map.order) == (("H:MM",), "nearest", "YMD")
    assert (column_map.makes_ids, column_map.totals, column_map.told_apart_by) == (False, None, ())


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "ours.toml"
    path.write_text(text)
    with pytest.raises(ColumnMapError) as refused:
        read_column_map(str(path))
    return [problem.removeprefix(f"{path}: ") for problem in refused.value.problems]


def test_names_every_problem_with_its_key(tmp_path: Path) -> None:
    text = """
    totals = 1
    colour = "red"
    [columns]
    user_id = 7
    date = ["Day", "Month"]
    hours = ["", "Time"]
    [hours]
    unit = "days"
    rounding = "sideways"
    [date]
    order = "DM"
    [id]
    pattern = "("
    made_of = ["Day"]
    prefix = "Our tool"
    [more]
    keys = 1
    """
    column = "is not the name of a column, or a list of names"
    assert problems(tmp_path, text) == [
        f"columns.user_id: {column}",
        "columns.project: is not set; set it to the name of a column",
        f"columns.hours: {column}",
        "totals: is not a text",
        "hours.unit: is not one of decimal, H:MM, H:MM:SS, 1h 30m",
        "hours.rounding: is not one of nearest, up, down, exact",
        "date.order: is not one of YMD, DMY, MDY",
        "id.prefix: set it beside made_of, to a short name of a-z, 0-9 and -",
        "columns.date: name one column",
        "colour: is not known; remove it",
        "id.pattern: is not known; remove it",
        "more.keys: is not known; remove it",
    ]


def test_needs_an_id_column_or_what_ids_are_made_of(tmp_path: Path) -> None:
    without = OWN.replace('column = "No"', "")
    assert problems(tmp_path, without) == ["id.column: is not set; set it to the name of a column"]


def test_a_pattern_is_a_regular_expression(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, OWN + 'pattern = "("')
    assert problem.startswith("id.pattern: is not a regular expression: missing ), unterminated subpattern")


@pytest.mark.parametrize("pattern", ["a{99999999999}", "(" * 5000 + ")" * 5000])
def test_a_pattern_that_python_cannot_compile_is_none(tmp_path: Path, pattern: str) -> None:
    (problem,) = problems(tmp_path, f"{OWN}pattern = '{pattern}'")
    assert problem.startswith("id.pattern: is not a regular expression: ")


@pytest.mark.parametrize("pattern", ["(a+)+", "([a-z]*)*b", "(x{1,9}){2,}", "(?:[0-9]+?)+"])
def test_refuses_a_pattern_that_an_id_could_keep_busy_for_days(tmp_path: Path, pattern: str) -> None:
    (problem,) = problems(tmp_path, f"{OWN}pattern = '{pattern}'")
    assert problem == "id.pattern: repeats a group that ends in a repeat, as (a+)+; write it otherwise"


@pytest.mark.parametrize("pattern", [r"(ab\+)+", "([0-9]+-)+x", "(a+)b+", "(a+)?"])
def test_a_pattern_may_repeat_other_groups(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(f"\ufeff{OWN}pattern = '{pattern}'")  # as Windows Notepad saves it
    assert read_column_map(str(path)).id_pattern == pattern


def test_an_id_stands_in_one_column(tmp_path: Path) -> None:
    assert problems(tmp_path, OWN.replace('"No"', '["No", "Part"]')) == ["id.column: name one column"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name", "is not TOML: "),
        ("x = " + "[" * 9999, "is not TOML: "),
        ('columns = "x"', "columns: is not known; remove it"),
    ],
)
def test_refuses_what_is_no_map(tmp_path: Path, text: str, reason: str) -> None:
    assert any(
        problem.removeprefix(f"{tmp_path}/ours.toml ").startswith(reason)
        for problem in problems(tmp_path, text)
    )


@pytest.mark.parametrize("name", ["tggl", "", ".", "../formats/toggl"])
def test_names_the_shipped_maps_if_there_is_no_such_file(name: str) -> None:
    with pytest.raises(ColumnMapError) as refused:
        read_column_map(name)
    assert "clockify, exampleco, harvest, kimai, toggl" in refused.value.problems[0]


def test_compares_names_of_columns_without_case_and_extra_blanks() -> None:
    header = [" email", "START  DATE", "Start time", "Project", "Duration", "", "", "Tags", "Tags"]
    assert read_column_map("toggl").missing(header) == []
    assert fitting(header) == "toggl"
    assert fitting(["a", "b"]) is None
