"""A lesson as slides for a wall, one thing at a time. Not here: how a slide looks (the page)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flow_explorer.lessons.lesson import Lesson

Kind = Literal["question", "do", "seen", "why", "take-away", "check", "code"]


@dataclass(frozen=True, slots=True)
class Slide:
    """One slide; a slide of a step has the number of the step, from one."""

    kind: Kind
    text: str = ""
    step: int = 0


def slides(lesson: Lesson) -> list[Slide]:
    """Return the slides of a lesson in their order."""
    return list(_slides(lesson))


def _slides(lesson: Lesson) -> Iterator[Slide]:
    yield Slide("question", lesson.question)
    for number, step in enumerate(lesson.steps, start=1):
        yield Slide("do", step.text, number)
        yield Slide("seen", step.seen, number)
    for block in re.split(r"\n\n+", lesson.why.strip()):
        yield Slide("why", block)
    yield Slide("take-away", "\n".join(f"- {sentence}" for sentence in lesson.take_away))
    yield Slide("check", lesson.check.question)
    yield Slide("code")
