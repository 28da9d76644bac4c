# ruff: noqa: RUF001  names in other scripts
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from timesheet_exports.names import LONGEST, normalised, reason

BLANKS = [char for char in map(chr, range(0x110000)) if unicodedata.category(char) == "Zs"]
JOINER = "contains a joiner (U+200C or U+200D) that is not between two letters or emoji"


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_each_kind_of_blank_is_a_space(blank: str) -> None:
    assert normalised(f"{blank}Refonte{blank}: {blank}phase 2{blank}") == "Refonte :  phase 2"
    assert reason(normalised(blank)) == "is empty"


@pytest.mark.parametrize(
    ("name", "booked"),
    [
        ("Cafe\u0301", "Café"),
        ("\u1112\u1161\u11ab", "한"),
        ("Donau\xaddampf\xad", "Donaudampf"),
        ("Auf\u200clage", "Auflage"),
        ("Про\u200dект", "Проект"),
        ("a\u200c\u200db", "a\u200c\u200db"),
        ("é" * LONGEST + "\xa0", "é" * LONGEST + "\xa0"),
    ],
)
def test_what_has_no_effect_makes_no_other_name(name: str, booked: str) -> None:
    assert normalised(name) == booked


@pytest.mark.parametrize(
    "name",
    [
        "Café №1 – „Ünïcode“",
        "می\u200cخواهم",
        "کتاب\u200cها ۲۰\u200cساله",
        "क्\u200dष",
        "क्\u200cष",
        "അവന്\u200d പോയി",
        "👩\u200d💻 Team",
        "👨\u200d👩\u200d👧\u200d👦",
        "🏳\ufe0f\u200d🌈",
        "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏼",
        "1\ufe0f\u20e3",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "葛\U000e0100城",
        "נִקּוּד",
        "ภาษาไทย",
        "\uf8ff Store",
    ],
)
def test_takes_names_of_any_script_as_they_are(name: str) -> None:
    assert normalised(name) == name
    assert reason(name) is None


@pytest.mark.parametrize(
    "code",
    [
        *[0x00, 0x09, 0x0A, 0x0D, 0x1B, 0x7F, 0x85, 0x9F, 0xA0, 0xAD, 0x34F, 0x61C, 0x115F, 0x180E, 0x200B],
        *[0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x2060, 0x2066, 0x2069, 0x2800, 0x3000, 0x3164],
        *[0xD800, 0xDFFF, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFD, 0xFFFF, 0xE0001, 0xE0041],
    ],
)
def test_refuses_what_cannot_be_seen_and_names_it(code: int) -> None:
    for name in (chr(code) + "a", "a" + chr(code), f"a{chr(code)}b", f"🏴{chr(code)}"):
        assert reason(name) == f"contains U+{code:04X}, which cannot be seen or printed"


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
@pytest.mark.parametrize("name", ["-م", "م-", "م--م", "م- م", "م -م", "💻-", "م- -م", "-"])
def test_refuses_a_joiner_that_joins_nothing(name: str, joiner: str) -> None:
    assert reason(normalised(name.replace("-", joiner))) == JOINER


@given(st.text())
@example("\u0344\u0345")
@example("a\u200d\xad\u200db")
@example("a\u200d\xadb")
@example("\xad \xad")
@example("e\xad\u0301")
@example("\u1100\xad\u1161")
def test_a_normalised_name_stays_as_it_is(name: str) -> None:
    once = normalised(name)
    assert normalised(once) == once


@given(st.text(max_size=20))
def test_a_name_that_is_taken_has_no_control_or_formatting_character(name: str) -> None:
    taken = normalised(name)
    if reason(taken) is None:
        kinds = {unicodedata.category(char) for char in taken if char not in "\u200c\u200d"}
        assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
