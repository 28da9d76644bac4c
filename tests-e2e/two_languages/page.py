"""The code on docs/two-languages.md: each block is a file in snippets/, by the number of its section."""

import re
from pathlib import Path

from live_stack import CHECKOUT

SNIPPETS = Path(__file__).with_name("snippets")
PAGE = CHECKOUT / "docs/two-languages.md"
SUFFIXES = {"python": ".py", "js": ".mjs"}
SECTION = re.compile(r"^(?=## [0-9]+\. )", re.MULTILINE)
BLOCK = re.compile(r"^```(python|js)\n.*?^```$", re.DOTALL | re.MULTILINE)


def snippet(number: int, suffix: str) -> Path:
    """Return the file of a snippet."""
    (found,) = SNIPPETS.glob(f"{number:02}_*{suffix}")
    return found


def with_code(page: str) -> str:
    """Return the page with the code of the files in its blocks."""
    beginning, *sections = SECTION.split(page)
    return beginning + "".join(
        BLOCK.sub(lambda block, number=number: _block(number, block[1]), section)
        for number, section in enumerate(sections, start=1)
    )


def _block(number: int, language: str) -> str:
    code = snippet(number, SUFFIXES[language]).read_text()
    return f"```{language}\n{code}```"
