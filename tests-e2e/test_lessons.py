"""The lessons are true: what their pages show is what happens, and the code that they name is there."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from flow_explorer.gallery.case import gallery
from flow_explorer.lessons.lesson import Lesson, lessons
from flow_explorer.lessons.markdown import pages, with_table
from flow_explorer.page.endpoints import IMPORTS
from live_stack import CHECKOUT, Stack
from recipe import steps
from shell import Shell

FOLDER = CHECKOUT / "docs/lessons"
EACH = pytest.mark.parametrize("lesson", lessons().values(), ids=[each.name for each in lessons().values()])


def test_the_pages_are_those_that_the_files_make() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    readme = written.pop("README.md")
    assert written == pages(), "`make lessons` writes them"
    assert readme == with_table(readme), "`make lessons` writes the table"


@pytest.fixture(scope="module")
def class_room(new_stack: Callable[[], Stack]) -> Stack:
    """Return a running stack that the lessons alone use: they change keys and stop services."""
    stack = new_stack()
    stack.make("up")
    return stack


@pytest.mark.long
@EACH
def test_every_command_prints_what_the_lesson_shows(class_room: Stack, lesson: Lesson) -> None:
    with Shell(class_room) as shell:
        for step in steps((FOLDER / f"{lesson.name}.md").read_text()):
            if step.where:
                step.change(class_room.folder)
            else:
                shell.run_block(step.text)


@pytest.mark.long
@EACH
def test_a_step_opens_an_item_that_its_diagram_has(class_room: Stack, lesson: Lesson) -> None:
    page = class_room.url["calling-service"]
    for number, step in enumerate(lesson.steps, start=1):
        if step.run in gallery() and gallery()[step.run].overlay:
            continue
        if step.run in IMPORTS:
            run = class_room.run_import(resend=True, fresh_token=IMPORTS[step.run])
        elif step.run:
            run = class_room.play(step.run)
        if step.opens:
            shown = f"{page}/lessons/{lesson.number}/step/{number}/{run['id']}/{step.opens}"
            assert requests.get(shown, timeout=10).status_code == 200, step.title


@EACH
def test_a_button_plays_what_its_command_plays(lesson: Lesson) -> None:
    for step in lesson.steps:
        assert step.run in {"", *IMPORTS, *gallery()}
        if "CASE=" in step.console:
            assert f"make try CASE={step.run}" in step.console


@EACH
def test_the_code_that_a_lesson_names_is_there(lesson: Lesson) -> None:
    for place in lesson.code:
        assert place.function in defined(CHECKOUT / place.file), f"{place.file} has no {place.function}"


def defined(file: Path) -> set[str]:
    """Return the names of the functions and classes in a file, those in a class after its name and a dot."""
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            names |= {node.name, *(f"{node.name}.{method.name}" for method in methods)}
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return names
