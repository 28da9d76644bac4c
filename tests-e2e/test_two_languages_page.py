"""docs/two-languages.md shows the snippets as they are."""

from two_languages.page import PAGE, SECTION, SNIPPETS, with_code


def test_the_page_shows_the_files_that_run() -> None:
    page = PAGE.read_text()
    assert page == with_code(page), "make lessons writes it again"
    assert len(SECTION.findall(page)) == 10
    assert page.count("```python") == page.count("```js") == len(list(SNIPPETS.glob("*.py"))) == 10
