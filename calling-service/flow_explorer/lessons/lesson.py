"""The lessons, each read from a file N-name.toml of this folder; docs/lessons/README.md says what is in one.

Not here: the language of its texts (prose.py), its form as a page of the docs (markdown.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do on the running stack, and what was seen."""

    title: str
    text: str
    seen: str
    console: str  # commands after "$ ", and what they print
    run: str = ""  # an import or a case of the gallery, which a button of the page starts
    opens: str = ""  # the item of its diagram to look at first; without it, the first refusal
    file: str = ""  # a new file that the console needs
    python: str = ""  # what is in it

    @property
    def command(self) -> str:
        """Return the first command of the console."""
        return self.console.lstrip().removeprefix("$ ").partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Check:
    """A question to check oneself, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Code:
    """The place in the code that does what the lesson is about."""

    file: str
    function: str
    does: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson; its number and name are those of its file."""

    number: int
    name: str
    title: str
    minutes: int
    question: str
    steps: tuple[Step, ...]
    why: str
    take_away: tuple[str, ...]
    check: Check
    code: tuple[Code, ...]


@cache
def lessons() -> Mapping[int, Lesson]:
    """Return the lessons by their numbers, in their order."""
    found = [_lesson(path) for path in FOLDER.glob("[0-9]*-*.toml")]
    found.sort(key=lambda lesson: lesson.number)
    return {lesson.number: lesson for lesson in found}


def _lesson(path: Path) -> Lesson:
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    number = int(path.stem.partition("-")[0])
    steps = tuple(Step(**{"console": ""} | step) for step in table.pop("step"))
    code = tuple(Code(**place) for place in table.pop("code"))
    take_away = tuple(table.pop("take_away"))
    check = Check(**table.pop("check"))
    return Lesson(number, path.stem, **table, steps=steps, take_away=take_away, check=check, code=code)
