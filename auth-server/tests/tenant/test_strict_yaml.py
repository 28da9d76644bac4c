"""The YAML of the tenant file: a problem is a sentence with its line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from auth_server.tenant.strict_yaml import YamlProblemError, _read, _TenantLoader, read_yaml
from hypothesis import given
from hypothesis import strategies as st

CHARACTER = "unacceptable character #x0000: special characters are not allowed"
SYNTAX = "a variable is written ${NAME} or ${NAME:-value}, and the text ${ as $${"
WRONG = {
    "cut off": ("apis: [", "line 1: expected the node content, but found '<stream end>'"),
    "variable in a list without quotes": (
        "a: [${A}]",
        "line 1: expected ',' or ']', but got '{'; between brackets or braces, a text with ${ needs quotes",
    ),
    "variable in a mapping without quotes": (
        "a: {b: x${A:-c}}",
        "line 1: expected ',' or '}', but got '{'; between brackets or braces, a text with ${ needs quotes",
    ),
    "repeated section": ("apis: []\nclients:\n\ngrants: []\napis: []", "line 5: apis repeats"),
    "repeated member": ("a:\n- b: 1\n  'b': 2", "line 3: b repeats"),
    "repeated merge": ("a:\n  <<: {b: 1}\n  <<: {c: 1}", "line 3: << repeats"),
    "merge of no mapping": (
        "a: {<<: 1}",
        "line 1: expected a mapping or list of mappings for merging, but found scalar",
    ),
    "member that is a list": ("? [a]\n: 1", "line 1: found unhashable key"),
    "unknown alias": ("a: *b", "line 1: found undefined alias 'b'"),
    "impossible day": ("a: 2026-99-99", "is not YAML (month must be in 1..12)"),
    "unset variable": ("a: 1\nb: 'x${PORT}'", "line 2: PORT is not set; set it, or write ${PORT:-value}"),
    "variable without an end": ("a: ${PORT", f"line 1: {SYNTAX}"),
    "variable without a name": ("- ${}", f"line 1: {SYNTAX}"),
    "name that is none": ("- a\n- ${MY-PORT}", f"line 2: {SYNTAX}"),
    "control character": (
        "\0",
        f'is not YAML ({CHARACTER} in "<unicode string>", position 0)',
    ),
    "nested deeply": ("[" * 1000, "is nested too deeply"),
}

PIECES = "a: 1\n|- b\n|  - c: d\n|{a: b, c: [d, e]}\n|'x'|&a |*a |<<: |? |! |!!str |>-\n t\n|# c\n|---\n"
PIECES += "|...\n|\t|%YAML 1.1\n|: |,|[|]|{|}|${A}|é|\u2028|\x85|\ufeff|@|`|\r\n|'\\x41'|0o7|1:30|2026-01-01"


def problem_of(folder: Path, content: bytes) -> str:
    (folder / "a.yaml").write_bytes(content)
    with pytest.raises(YamlProblemError) as caught:
        read_yaml(folder / "a.yaml", {})
    return str(caught.value)


@pytest.mark.parametrize("case", WRONG)
def test_says_what_is_wrong_and_where(tmp_path: Path, case: str) -> None:
    text, problem = WRONG[case]
    assert problem_of(tmp_path, text.encode()) == f"{problem}; correct it"


def test_refuses_an_encoding_other_than_utf_8(tmp_path: Path) -> None:
    assert problem_of(tmp_path, b"\xff") == "is not UTF-8; save it as UTF-8"


def test_merges_members_and_lets_a_mapping_override_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("""
anchors:
  here: &job {<<: {name: Job, enabled: true}, name: Other}
next: {<<: *job, enabled: false}
""")
    assert read_yaml(tmp_path / "a.yaml", {}) == {
        "anchors": {"here": {"name": "Other", "enabled": True}},
        "next": {"name": "Other", "enabled": False},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("http://localhost:${PORT}", "http://localhost:9101"),
        ("'${PORT:-9001} or ${NONE:-9001}, ${EMPTY:-9001}'", "9101 or 9001, 9001"),
        ("'${NONE:-}'", ""),
        ("${PORT}", "9101"),  # a text, not a number
        ("$PORT costs 5$, $$PORT, {PORT}", "$PORT costs 5$, $$PORT, {PORT}"),
        ("$${PORT} and $${", "${PORT} and ${"),
        ("${NESTED}", "${PORT}"),
    ],
)
def test_replaces_variables_in_texts_once(tmp_path: Path, text: str, value: str) -> None:
    variables = {"PORT": "9101", "EMPTY": "", "NESTED": "${PORT}"}
    (tmp_path / "a.yaml").write_text(f"a: {text}\nb: [5]")
    assert read_yaml(tmp_path / "a.yaml", variables) == {"a": value, "b": [5]}


def outcome(read: Callable[[], Any]) -> str:
    try:
        return repr(read())
    except (yaml.YAMLError, ValueError) as error:
        return f"{type(error)} {error}"


@pytest.mark.fuzz
@given(st.lists(st.sampled_from(PIECES.split("|")), max_size=12).map("".join))
def test_reads_by_libyaml_what_pyyaml_reads_and_refuses_the_same(text: str) -> None:
    variables = {"A": "1"}
    expected = outcome(lambda: _TenantLoader(text, variables).get_single_data())
    assert outcome(lambda: _read(text, variables)) == expected
