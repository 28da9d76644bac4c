import re
from pathlib import Path

from flow_explorer.glossary.words import glossary, with_tables

PAGE = Path(__file__).parents[4] / "docs/glossary.md"


def test_the_docs_show_the_words_as_they_are() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, "make lessons writes it again"


def test_a_word_is_explained_once_in_a_sentence_with_its_source() -> None:
    words = [word for group in glossary().values() for word in group]
    assert len(words) == len(set(words)) > 30
    for group in glossary().values():
        for meaning in group.values():
            assert re.search("[.…)]$", meaning.text)
            assert meaning.source is None or re.fullmatch(r"RFC \d{4,5} \d+(\.\d+)*", meaning.source)
