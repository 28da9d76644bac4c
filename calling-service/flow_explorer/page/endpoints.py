"""The page: a run's flow to look at and to step through, buttons that start one, and the last runs.

It works without JavaScript; page.js fetches the same addresses. Not here: the JSON of a run
(calling_service.endpoints), what the page shows of a run (flow_view.py).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any

from calling_service.guard import require_own_page, require_whole_body
from calling_service.runs.case import UnknownCaseError
from calling_service.runs.run import Run
from flask import Blueprint, Response, jsonify, redirect, request, url_for
from recording.capture import FORM
from werkzeug.exceptions import BadRequest, NotFound, UnsupportedMediaType
from werkzeug.wrappers import Response as AnyResponse

from flow_explorer.formats import curl, har, mermaid
from flow_explorer.gallery.case import Case, gallery
from flow_explorer.glossary.words import glossary
from flow_explorer.page.flow_view import view
from flow_explorer.page.html import explorer, html
from flow_explorer.recorded_run import RecordedRun

IMPORTS = {"import-fresh": True, "import-cached": False}  # whether the button asks for a fresh token
NEW_SECONDS = 5  # a run that is younger is drawn arrow by arrow

blueprint = Blueprint(
    "page", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
)


@blueprint.get("/")
def last_flow() -> bytes:
    """Show the last run, or how to start the first."""
    runs = explorer().history.recent()
    if not runs:
        return html("page.html", _surroundings())
    return _page(runs[0].id, None)


@blueprint.get("/glossary")
def words() -> bytes:
    """Show the words of the field."""
    return html("glossary.html", {"groups": glossary()})


@blueprint.get("/flow/<run_id>")
@blueprint.get("/flow/<run_id>/<step>")
def flow(run_id: str, step: str | None = None) -> bytes:
    """Show a run with one item of its diagram opened; with ?only=flow, leave out what surrounds it."""
    return _page(run_id, step)


@blueprint.post("/flow")
def start() -> AnyResponse:
    """Start what a button names, and redirect to its flow."""
    require_form_of_page()
    try:
        (button,) = request.form.getlist("run")
        run_id = start_named(button)
    except (ValueError, UnknownCaseError) as error:
        raise BadRequest("The form names nothing that could be started.") from error
    return redirect(url_for(".flow", run_id=run_id), 303)


def require_form_of_page() -> None:
    """Raise Forbidden, UnsupportedMediaType or BadRequest unless the page itself sent a whole form."""
    require_own_page(request)
    if request.mimetype != FORM:
        raise UnsupportedMediaType(f"Send {FORM}, as the page's buttons do.")
    require_whole_body(request)


def start_named(button: str) -> str:
    """Start an import or a case of the gallery; return the run's id; raise UnknownCaseError."""
    if button in IMPORTS:
        return explorer().runner.start("web", resend=True, fresh_token=IMPORTS[button])
    return explorer().player.start(button)


@blueprint.get("/flow/<run_id>/mermaid")
def as_mermaid(run_id: str) -> Response:
    """Return the run as a Mermaid sequence diagram."""
    return _text(mermaid.diagram(_recorded(run_id)))


@blueprint.get("/flow/<run_id>/curl")
def as_curl(run_id: str) -> Response:
    """Return the run as curl commands to paste on the host."""
    return _text(_commands(_recorded(run_id)))


@blueprint.get("/flow/<run_id>/har")
def as_har(run_id: str) -> Response:
    """Return the run as an HTTP Archive, which the developer tools of browsers read."""
    response = jsonify(har.archive(_recorded(run_id)))
    response.headers["Content-Disposition"] = f'attachment; filename="{run_id}.har"'
    return response


def _text(lines: Iterable[str]) -> Response:
    return Response("".join(f"{line}\n" for line in lines), mimetype="text/plain")


def _commands(recorded: RecordedRun) -> list[str]:
    return list(curl.commands(recorded, explorer().servers.public_addresses()))


def _recorded(run_id: str) -> RecordedRun:
    stored = explorer().history.find(run_id)
    if stored is None:
        raise NotFound("There is no such run; the last fifty are kept.")
    return RecordedRun.of(stored)


def _page(run_id: str, item_id: str | None) -> bytes:
    context = flow_context(run_id, item_id)
    if request.args.get("only") == "flow":
        return html("flow.html", context)
    return html("page.html", context | _surroundings())


def flow_context(run_id: str, item_id: str | None, opens: str = "") -> dict[str, Any]:
    """Return what flow.html shows of a run; without an item, the item `opens` if the run has it.

    Raises NotFound if there is no such run or item.
    """
    recorded = _recorded(run_id)
    now = datetime.now(UTC)
    flow_view = view(recorded, item_id or opens or None, now)
    if flow_view is None and not item_id:
        flow_view = view(recorded, None, now)  # not yet
    if flow_view is None:
        raise NotFound("This run has no such step.")
    context: dict[str, Any] = {
        "run": recorded.run,
        "view": flow_view,
        "is_new": (now - recorded.run.started_at).total_seconds() < NEW_SECONDS,
        "following": _following(recorded.run),
    }
    pane = flow_view.pane
    if pane and pane.item.kind == "request":
        context["command"] = _commands(recorded)[pane.item.index]
    return context


def _surroundings() -> dict[str, Any]:
    return {
        "token": explorer().token_facts(),
        "runs": explorer().history.recent(),
        "booked": explorer().timesheets.read(),
        "gallery": groupby(gallery().values(), key=attrgetter("group")),
        "overlay": explorer().servers.overlay,
    }


def _following(run: Run) -> Case | None:
    """Return the case that comes after the run's in the gallery."""
    here = ("", explorer().servers.overlay)
    for case, following in pairwise(case for case in gallery().values() if case.overlay in here):
        if run.case and run.case.id == case.id:
            return following
    return None
