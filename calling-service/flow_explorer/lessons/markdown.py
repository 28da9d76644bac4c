"""A lesson as a page of docs/lessons, and the table of all of them. `make lessons` writes both.

Not here: what a lesson contains (lesson.py).
"""

import posixpath
import re
import textwrap
from collections.abc import Iterator, Mapping

from flow_explorer.lessons.lesson import Lesson, Step, lessons
from flow_explorer.lessons.prose import ITEM, WEB, linked

FOLDER = "docs/lessons"
WIDTH = 130
BEFORE_THE_TABLE = "<!-- The table is made by `make lessons`. -->"


def pages() -> dict[str, str]:
    """Return the text of each lesson's page by the name of its file."""
    return {f"{lesson.name}.md": page(lesson) for lesson in lessons().values()}


def with_table(readme: str) -> str:
    """Return the list of lessons with its table as the files say; the table ends the page."""
    before = readme.partition(BEFORE_THE_TABLE)[0]
    head = "| | lesson | the question | minutes |\n|---|---|---|---|\n"
    return f"{before}{BEFORE_THE_TABLE}\n\n{head}" + "".join(map(_row, lessons().values()))


def _row(lesson: Lesson) -> str:
    link = f"[{lesson.title}]({lesson.name}.md)"
    return f"| {lesson.number} | {link} | {_line(lesson.question)} | {lesson.minutes} |\n"


def page(lesson: Lesson) -> str:
    """Return a lesson as Markdown."""
    return "\n\n".join(_parts(lesson)) + "\n"


def _parts(lesson: Lesson) -> Iterator[str]:
    yield f"# Lesson {lesson.number}: {lesson.title}"
    yield _text(f"**The question.** {lesson.question.strip()}")
    yield _text(
        f"The lesson takes about {lesson.minutes} minutes. Start the stack with `make up`. Then follow the"
        f" lesson here and run each command in the folder of this project, or follow it on the page,"
        f" <http://localhost:9002/lessons/{lesson.number}>, whose buttons run the steps."
        " If your stack has other ports, write those instead of 9000, 9001 and 9002."
    )
    for number, step in enumerate(lesson.steps, start=1):
        yield from _step(number, step)
    yield "## Why"
    yield _text(lesson.why)
    yield "## Take away"
    yield _text("\n".join(f"- {sentence}" for sentence in lesson.take_away))
    yield "## Check yourself"
    yield _text(lesson.check.question)
    yield f"<details>\n<summary>The answer</summary>\n\n{_text(lesson.check.answer)}\n\n</details>"
    yield "## Read the code"
    yield "\n".join(f"- `{place.function}` in {_file(place.file)} {place.does}" for place in lesson.code)
    yield _next(lesson.number, lessons())


def _step(number: int, step: Step) -> Iterator[str]:
    yield f"## {number}. {step.title}"
    yield _text(step.text)
    if step.file:
        yield f"New file `{step.file}`:"
        yield f"```python\n{step.python.strip()}\n```"
    yield f"```console\n{step.console.strip()}\n```"
    yield _text(f"**What you see.** {step.seen.strip()}")


def _next(number: int, known: Mapping[int, Lesson]) -> str:
    if following := known.get(number + 1):
        return f"Next: [{following.title}]({following.name}.md). [All lessons](README.md)"
    return "This is the last lesson. [All lessons](README.md)"


def _text(text: str) -> str:
    blocks = re.split(r"\n\n+", linked(text.strip(), _address))
    return "\n\n".join(map(_wrapped, blocks))


def _wrapped(block: str) -> str:
    if block.startswith("|"):
        return block  # a table
    if not block.startswith(ITEM):
        return _filled(block)
    items = block.removeprefix(ITEM).split(f"\n{ITEM}")
    return "\n".join(_filled(ITEM + item, indent="  ") for item in items)


def _filled(text: str, indent: str = "") -> str:
    text = " ".join(text.split())
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _line(text: str) -> str:
    return " ".join(linked(text, _address).split())


def _file(path: str) -> str:
    return f"[`{posixpath.basename(path)}`]({_address(path)})"


def _address(target: str) -> str:
    if target.isdecimal():
        return f"{lessons()[int(target)].name}.md"
    if target.startswith(WEB):
        return target
    return posixpath.relpath(target, FOLDER)
