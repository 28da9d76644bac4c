import pytest
from flow_explorer.comparison.apart import apart
from flow_explorer.comparison.lines import CHECKS, PASSED, REMEMBERED, Line
from flow_explorer.comparison.rows import BEFORE, LONGEST, row, rows
from hypothesis import given
from hypothesis import strategies as st

JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.[signature cut]"


def line(value: str, essence: str | None = None, name: str = "a", where: str = "header") -> Line:
    return Line(where, name, value, value if essence is None else essence)


def test_a_line_is_the_same_varies_differs_or_is_there_on_one_side_only() -> None:
    assert row(line("1"), line("1")).mark == "same"
    assert row(line("1", "x"), line("2", "x")).mark == "varies"
    assert row(line("1"), line("2")).mark == "differs"
    assert row(line("1"), None).mark == "left"
    assert row(None, line("1")).mark == "right"
    with pytest.raises(LookupError):
        row(None, None)


def test_only_what_says_something_else_differs() -> None:
    assert [row(line("1", "x"), line("2", other)).differs for other in ("x", "y")] == [False, True]


def test_tokens_are_shown_shortened() -> None:
    assert row(line(JWT), None).left == "eyJhbGciO….eyJzdWIiO….[signature cut]"


def test_of_a_long_value_the_part_around_the_first_difference_is_shown() -> None:
    one, other = (row(line("x" * 5000 + end), line("x" * 5000 + "c")) for end in ("a", "b"))
    assert one.left is not None
    assert one.left == "…" + "x" * BEFORE + "a"
    assert (one.left, one.right) != (other.left, other.right)
    alike = row(line("x" * 5000), line("x" * 5000))
    assert alike.left == alike.right == "x" * LONGEST + "…"


def test_the_words_that_differ_are_a_piece_of_their_own() -> None:
    left, right = row(line('scope="a", realm="r"'), line('scope="b", realm="r"')).pieces
    assert left == ('scope="', "a", '", realm="r"')
    assert right == ('scope="', "b", '", realm="r"')
    assert row(line("a"), None).pieces == (("a", "", ""), None)


@given(text=st.text("ab \n.", max_size=30), other=st.text("ab \n.", max_size=30))
def test_the_pieces_make_up_the_text_and_what_is_alike_is_in_both(text: str, other: str) -> None:
    here, there = apart(text, other), apart(other, text)
    assert "".join(here) == text
    assert (here.before, here.after) == (there.before, there.after)
    assert (here.different == there.different == "") is (text == other)


def test_a_check_that_the_api_remembers_makes_no_difference() -> None:
    every = [line(PASSED, name=name, where=CHECKS) for name in ("size", "signature", "scope")]
    remembered = [line(PASSED, name=name, where=CHECKS) for name in ("size", REMEMBERED, "scope")]
    assert {each.mark for each in rows(every, remembered)} == {"same", "varies"}
    failed = [line("failed: x", name="signature", where=CHECKS)]
    assert [each.mark for each in rows(failed, remembered) if each.name == "signature"] == ["left"]


def test_many_lines_of_one_side_are_one_row_where_the_sides_have_none_in_common() -> None:
    many = [line("1", name=name, where="body") for name in "abcde"]
    few = [line("1", name=name, where="body") for name in "xy"]
    found = rows(many, few)
    assert [(each.name, each.left, each.right) for each in found] == [
        ("", "5 members: a, b, c, d, e", None),
        ("x", None, "1"),
        ("y", None, "1"),
    ]
    assert len(rows([*many, few[0]], few)) == 7
