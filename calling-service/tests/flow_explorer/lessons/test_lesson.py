"""Each lesson has what a lesson needs, and is short enough for its time."""

import pytest
from flow_explorer.gallery.case import gallery
from flow_explorer.lessons.lesson import Lesson, lessons

EACH = pytest.mark.parametrize("lesson", lessons().values(), ids=[each.name for each in lessons().values()])


def test_the_lessons_are_numbered_in_their_order() -> None:
    assert list(lessons()) == list(range(1, len(lessons()) + 1))
    assert [lesson.name.partition("-")[0] for lesson in lessons().values()] == [*map(str, lessons())]


@EACH
def test_a_lesson_has_three_to_six_steps_in_ten_to_fifteen_minutes(lesson: Lesson) -> None:
    assert 3 <= len(lesson.steps) <= 6
    assert 10 <= lesson.minutes <= 15
    assert lesson.question.strip().endswith("?")


@EACH
def test_every_step_can_be_done_and_says_what_was_seen(lesson: Lesson) -> None:
    for step in lesson.steps:
        assert step.console.lstrip().startswith("$ ")
        assert step.command
        assert step.seen.strip()
        assert bool(step.file) == bool(step.python)


@EACH
def test_every_lesson_ends_with_what_to_take_away_a_check_and_the_code(lesson: Lesson) -> None:
    assert 3 <= len(lesson.take_away) <= 5
    assert lesson.check.question.strip()
    assert lesson.check.answer.strip()
    assert len(lesson.code) >= 3


def test_the_first_lesson_needs_no_overlay() -> None:
    cases = [gallery()[step.run] for step in lessons()[1].steps if step.run in gallery()]
    assert [case.overlay for case in cases] == ["", ""]
