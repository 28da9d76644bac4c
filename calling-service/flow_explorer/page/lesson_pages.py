"""The lessons: a list, each lesson beside the diagram of a step that was run, and its slides for a wall.

The run and the opened item of its diagram are part of the address, so all of it works without JavaScript.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from calling_service.runs.case import UnknownCaseError
from flask import Blueprint, redirect, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from flow_explorer.gallery.case import gallery
from flow_explorer.lessons import prose
from flow_explorer.lessons.lesson import Lesson, Step, lessons
from flow_explorer.lessons.slides import slides
from flow_explorer.page.endpoints import flow_context, require_form_of_page, start_named
from flow_explorer.page.html import explorer, html

T = TypeVar("T")

STEP = "/lessons/<int:number>/step/<int:position>"
SLIDE = "/lessons/<int:number>/slide/<int:position>"
CANNOT_RUN = "This stack cannot run this step."

blueprint = Blueprint("lessons", __name__)


@blueprint.get("/lessons")
def index() -> bytes:
    """Show the list of lessons."""
    return _html("lessons.html", {"lessons": lessons().values()})


@blueprint.get("/lessons/<int:number>")
def lesson(number: int) -> bytes | Response:
    """Show a lesson; with ?projector, its first slide."""
    shown = _lesson(number)
    if "projector" in request.args:
        return redirect(url_for(".slide", number=number, position=1))
    return _html("lesson.html", _context(shown, 0, None, None))


@blueprint.get(STEP)
@blueprint.get(f"{STEP}/<run_id>")
@blueprint.get(f"{STEP}/<run_id>/<item_id>")
def step(number: int, position: int, run_id: str | None = None, item_id: str | None = None) -> bytes:
    """Show a lesson with a run of one of its steps; with ?only=flow, the run alone."""
    lesson = _lesson(number)
    _existing(lesson.steps, position)
    return _page("lesson.html", _context(lesson, position, run_id, item_id))


@blueprint.post(STEP)
def run_step(number: int, position: int) -> Response:
    """Run a step, and redirect to the lesson with it."""
    require_form_of_page()
    run_id = _run(_existing(_lesson(number).steps, position))
    here = url_for(".step", number=number, position=position, run_id=run_id, _anchor=f"step-{position}")
    return redirect(here, 303)


@blueprint.get(SLIDE)
@blueprint.get(f"{SLIDE}/<run_id>")
@blueprint.get(f"{SLIDE}/<run_id>/<item_id>")
def slide(number: int, position: int, run_id: str | None = None, item_id: str | None = None) -> bytes:
    """Show a slide, with a run of its step if there is one; with ?only=flow, the run alone."""
    lesson = _lesson(number)
    shown = _existing(slides(lesson), position)
    context = _context(lesson, shown.step, run_id, item_id)
    return _page("slide.html", context | _turning(lesson, position, run_id) | {"slide": shown})


@blueprint.post(SLIDE)
def run_slide(number: int, position: int) -> Response:
    """Run the step of a slide, and redirect to the slide with it."""
    require_form_of_page()
    lesson = _lesson(number)
    shown = _existing(slides(lesson), position)
    if not shown.step:
        raise BadRequest(CANNOT_RUN)
    run_id = _run(lesson.steps[shown.step - 1])
    return redirect(url_for(".slide", number=number, position=position, run_id=run_id), 303)


def _lesson(number: int) -> Lesson:
    if number not in lessons():
        raise NotFound("There is no such lesson; /lessons lists them.")
    return lessons()[number]


def _existing(places: Sequence[T], position: int) -> T:
    """Return what is at this position, counted from one; raise NotFound."""
    if not 1 <= position <= len(places):
        raise NotFound("The lesson has no such step.")
    return places[position - 1]


def _run(step: Step) -> str:
    """Start the step, and return the run's id; raise BadRequest if this stack cannot."""
    try:
        return start_named(step.run)
    except UnknownCaseError as error:
        raise BadRequest(CANNOT_RUN) from error


def _context(lesson: Lesson, step: int, run_id: str | None, item_id: str | None) -> dict[str, Any]:
    """Return what the templates show; `step` is the number of the step that was run, or 0."""
    context: dict[str, Any] = {}
    if run_id:
        opens = lesson.steps[step - 1].opens if step else ""
        context = flow_context(run_id, item_id, opens)
        context["address"] = request.path.removesuffix(f"/{item_id}")
    context |= {"lesson": lesson, "next_lesson": lessons().get(lesson.number + 1), "opened": item_id}
    loads = request.args.get("again", 0, type=int)  # of a page that loads itself again, without JavaScript
    return context | {"current": step, "following": None, "again": loads + 1}


def _turning(lesson: Lesson, position: int, run_id: str | None) -> dict[str, Any]:
    """Return the addresses of the slides beside this one, which keep the run if it is one of their step."""
    known = slides(lesson)
    beside: dict[str, str | None] = {"prev": None, "next": None}
    for rel, place in (("prev", position - 1), ("next", position + 1)):
        if 1 <= place <= len(known):
            same_step = known[place - 1].step == known[position - 1].step
            kept = run_id if same_step else None
            beside[rel] = url_for(".slide", number=lesson.number, position=place, run_id=kept)
    return {"position": position, "count": len(known), "beside": beside}


def _page(template: str, context: dict[str, Any]) -> bytes:
    if request.args.get("only") == "flow" and "run" in context:
        return html("flow.html", context)
    return _html(template, context)


def _html(template: str, context: dict[str, Any]) -> bytes:
    return html(template, context | {"prose": _prose, "console": _console(), "playable": _playable})


def _prose(text: str) -> Markup:
    return prose.html(text, lambda number: url_for(".lesson", number=number))


def _console() -> Callable[[Step], str]:
    """Return a function that returns the console of a step, with the addresses of this stack."""
    servers = explorer().servers
    here = request.host_url.rstrip("/")
    return partial(_with_addresses, {"9000": servers.issuer, "9001": servers.audience, "9002": here})


def _with_addresses(addresses: dict[str, str], step: Step) -> str:
    text = step.console.strip()
    for port, address in addresses.items():
        text = text.replace(f"http://localhost:{port}", address)
    return text


def _playable(step: Step) -> bool:
    """Return whether a button can run the step on this stack."""
    case = gallery().get(step.run)
    return bool(step.run) and (case is None or case.overlay in {"", explorer().servers.overlay})
