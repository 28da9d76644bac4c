"""A lesson as slides."""

from flow_explorer.lessons.lesson import lessons
from flow_explorer.lessons.slides import slides


def test_a_lesson_goes_from_its_question_over_its_steps_to_the_code() -> None:
    lesson = lessons()[1]
    kinds = [slide.kind for slide in slides(lesson)]
    assert kinds == ["question", *["do", "seen"] * 5, "why", "why", "take-away", "check", "code"]
    assert [slide.step for slide in slides(lesson)][:5] == [0, 1, 1, 2, 2]


def test_every_slide_but_the_last_has_a_text() -> None:
    for lesson in lessons().values():
        *with_text, last = slides(lesson)
        assert all(slide.text.strip() for slide in with_text)
        assert last.text == ""
