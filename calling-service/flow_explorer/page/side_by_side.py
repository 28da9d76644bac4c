"""Two runs side by side: the page that compares them, and the form that chooses or plays them.

A side is a run's id, or the name of what can be played: then the last run of it is shown. GET plays nothing.
"""

from itertools import groupby
from operator import attrgetter

from calling_service.runs.run import Run
from flask import Blueprint, redirect, request, url_for
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from flow_explorer.comparison.comparing import compare
from flow_explorer.gallery.case import Case, gallery
from flow_explorer.page.endpoints import IMPORTS, require_form_of_page, start_named
from flow_explorer.page.html import explorer, html
from flow_explorer.recorded_run import RecordedRun

SIDES = ("left", "right")

blueprint = Blueprint("side-by-side", __name__)


@blueprint.get("/compare")
def show() -> bytes:
    """Show two runs side by side, or how to choose them."""
    runs = explorer().history.recent()
    chosen = {side: request.args.get(side, "") for side in SIDES}
    found = {side: _run(name, runs) for side, name in chosen.items()}
    recorded = [_recorded(run) for run in found.values() if run]
    groups = groupby(_cases(), key=attrgetter("group"))
    pairs = compare(*recorded) if len(recorded) == len(SIDES) else []
    context = {
        "runs": runs,
        "gallery": [(group, list(cases)) for group, cases in groups],
        "chosen": chosen | {side: run.id for side, run in found.items() if run},
        "sides": recorded,
        "pairs": pairs,
        "waiting": any(each.run.state == "running" for each in recorded),
        "every_line": "all" in request.args.getlist("lines"),
    }
    return html("compare.html", context)


@blueprint.post("/compare")
def play() -> Response:
    """Play what the form names, where it names no run, and redirect to the comparison."""
    require_form_of_page()
    playable = {*IMPORTS, *(case.id for case in _cases())}
    is_run: dict[str, bool] = {}
    for side in SIDES:
        names = request.form.getlist(side)
        is_run |= {name: explorer().history.find(name) is not None for name in names}
        if len(names) != 1 or not (is_run[names[0]] or names[0] in playable):
            raise BadRequest("The form names nothing that could be compared.")
    left, right = (request.form[side] for side in SIDES)
    if left in IMPORTS and right in IMPORTS:  # the second would join the first: the page asks again for it
        return redirect(url_for(".show", left=start_named(left), right=right), 303)
    started = {name: start_named(name) for name, known in is_run.items() if not known}
    return redirect(url_for(".show", left=started.get(left, left), right=started.get(right, right)), 303)


def _cases() -> list[Case]:
    """Return the cases that this stack can play."""
    here = {"", explorer().servers.overlay}
    return [case for case in gallery().values() if case.overlay in here]


def _run(name: str, runs: list[Run]) -> Run | None:
    """Return the run with this id, or the last of what has this name; None if there is none yet."""
    for run in runs:
        if name in {run.id, _name(run)}:
            return run
    if name and name not in IMPORTS and name not in gallery():
        raise NotFound("There is no such run or case; the last fifty runs are kept.")
    return None


def _name(run: Run) -> str:
    if run.case:
        return run.case.id
    return "import-fresh" if run.fresh_token else "import-cached"


def _recorded(run: Run) -> RecordedRun:
    stored = explorer().history.find(run.id)
    if stored is None:
        raise NotFound("The run was deleted meanwhile; the last fifty runs are kept.")
    return RecordedRun.of(stored)
