"""The texts of a lesson as HTML."""

import re

import pytest
from flow_explorer.lessons.prose import html, linked
from hypothesis import given
from hypothesis import strategies as st


def shown(text: str) -> str:
    return str(html(text, lambda number: f"/lessons/{number}"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\nline\n\nanother", "<p>one\nline</p>\n<p>another</p>"),
        ("- one\n- the\n  other", "<ul><li>one</li><li>the\n  other</li></ul>"),
        (
            "`a < b` and **`c` & d**",
            "<p><code>a &lt; b</code> and <strong><code>c</code> &amp; d</strong></p>",
        ),
        ("see [lesson `3`](3)", '<p>see <a href="/lessons/3">lesson <code>3</code></a></p>'),
        ("see [it](https://a.example)", '<p>see <a href="https://a.example" rel="noreferrer">it</a></p>'),
        ("see [theft](docs/theft.md)", "<p>see theft (<code>docs/theft.md</code>)</p>"),
    ],
)
def test_markdown_becomes_html(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_table_can_be_scrolled_by_keyboard() -> None:
    assert shown("| a | b |\n|---|---|\n| `1` | 2 |") == (
        '<div class="scroll" tabindex="0" role="region" aria-label="a, b"><table>'
        '<thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>'
        "<tbody><tr><td><code>1</code></td><td>2</td></tr></tbody></table></div>"
    )


@given(st.text(st.sampled_from("<>&\"'`*[]()- \na1")).filter(str.strip))
def test_no_text_acts_as_html(text: str) -> None:
    own = r"</?(p|ul|li|code|strong)>|<a href=\"[^\"<>]*\">|</a>"
    assert not re.search('[<>"]', re.sub(own, "", shown(text)))


def test_links_get_other_targets() -> None:
    assert linked("[a](1) and [b](c)", str.upper) == "[a](1) and [b](C)"
