"""The YAML of the tenant file: what is wrong is said in words, with its line."""

import pytest
from auth_server.tenant_yaml import YamlProblemError, read_yaml

CHARACTER = "unacceptable character #x0000: special characters are not allowed"
WRONG = {
    "cut off": ("apis: [", "line 1: expected the node content, but found '<stream end>'"),
    "repeated section": ("apis: []\nclients:\n\ngrants: []\napis: []", "line 5: apis repeats"),
    "repeated member": ("a:\n- b: 1\n  'b': 2", "line 3: b repeats"),
    "repeated merge": ("a:\n  <<: {b: 1}\n  <<: {c: 1}", "line 3: << repeats"),
    "merge of no mapping": (
        "a: {<<: 1}",
        "line 1: expected a mapping or list of mappings for merging, but found scalar",
    ),
    "member that is a list": ("? [a]\n: 1", "line 1: found unhashable key"),
    "unknown alias": ("a: *b", "line 1: found undefined alias 'b'"),
    "impossible day": ("a: 2026-99-99", "is no YAML (month must be in 1..12)"),
    "control character": (
        "\0",
        f'is no YAML ({CHARACTER} in "<unicode string>", position 0)',
    ),
    "nested deeply": ("[" * 3000, "is nested too deeply"),
}


@pytest.mark.parametrize("case", WRONG)
def test_says_what_is_wrong_and_where(case: str) -> None:
    text, problem = WRONG[case]
    with pytest.raises(YamlProblemError) as caught:
        read_yaml(text)
    assert str(caught.value) == f"{problem}; correct it"


def test_merges_members_and_lets_a_mapping_override_them() -> None:
    text = """
anchors:
  here: &job {<<: {name: Job, enabled: true}, name: Other}
next: {<<: *job, enabled: false}
"""
    assert read_yaml(text) == {
        "anchors": {"here": {"name": "Other", "enabled": True}},
        "next": {"name": "Other", "enabled": False},
    }
