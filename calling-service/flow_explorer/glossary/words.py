"""The words of the field (words.toml) as values, and in Markdown for docs/glossary.md."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from flow_explorer.meanings import Meaning, rfc_address


@cache
def glossary() -> Mapping[str, Mapping[str, Meaning]]:
    """Return the meaning of each word, by group and word, in the file's order."""
    groups = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
    return {
        group: {word: _meaning(*entry) for word, entry in words.items()} for group, words in groups.items()
    }


def _meaning(text: str, source: str = "") -> Meaning:
    if not source:
        return Meaning(text)
    return Meaning(text, source, rfc_address(source))


def with_tables(page: str) -> str:
    """Return the page with the words as they are: one table under each group's heading."""
    introduction = page.partition("## ")[0]
    return introduction + "\n".join(_tables())


def _tables() -> Iterator[str]:
    for group, words in glossary().items():
        yield f"## {group}"
        yield ""
        yield "| word | meaning | see |"
        yield "|---|---|---|"
        for word, meaning in words.items():
            yield f"| {_name(word)} | {meaning.text} | {_source(meaning)} |"
        yield ""


def _name(word: str) -> str:
    if word.startswith("`"):
        return word
    return f"**{word}**"


def _source(meaning: Meaning) -> str:
    if not meaning.source:
        return ""
    return f"[{meaning.source}]({meaning.address})"
