"""The page: a run's flow to look at and to step through, buttons that start one, the books, the last runs.

It is there with EXPLAIN=1 alone. Works without JavaScript; page.js fetches the same addresses. Not here: JSON
(endpoints.py), what is shown of a run (flow_view.py).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any

from calling_service import trace
from calling_service.guard import require_explain, require_own_page, require_whole_body
from calling_service.problems import ProblemError
from calling_service.service import Service
from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from flow_explorer.exports import curl, har, mermaid
from flow_explorer.gallery.case import Case, UnknownCaseError, gallery
from flow_explorer.page.flow_view import view

FORM = "application/x-www-form-urlencoded"
IMPORTS = {"import-fresh": True, "import-cached": False}  # whether a fresh token is asked for
NEW_SECONDS = 5  # so young a run is drawn arrow by arrow

blueprint = Blueprint(
    "page", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
)


def _service() -> Service:
    service: Service = current_app.extensions["calling-service"]
    return service


@blueprint.before_request
def _guard() -> None:
    require_explain(explain=_service().settings.explain)


@blueprint.get("/")
def last_flow() -> bytes:
    """Show the last run, or how to start the first."""
    runs = _service().history.recent()
    return _page(runs[0]["id"], None) if runs else _html("page.html", _surroundings())


@blueprint.get("/flow/<run_id>")
@blueprint.get("/flow/<run_id>/<step>")
def flow(run_id: str, step: str | None = None) -> bytes:
    """Show a run, with one item of its diagram opened; with ?only=flow nothing around it."""
    return _page(run_id, step)


@blueprint.post("/flow")
def start() -> AnyResponse:
    """Start what a button names, and lead to it."""
    require_own_page(request)
    if request.mimetype != FORM:
        raise ProblemError(415, "Unsupported Media Type", f"Send {FORM}, as the page's buttons do.")
    require_whole_body(request)
    try:
        (wanted,) = request.form.getlist("run")
        run_id = _started(wanted)
    except (ValueError, UnknownCaseError) as error:
        raise ProblemError(400, "Bad Request", "The form names nothing that could be started.") from error
    return redirect(url_for(".flow", run_id=run_id), 303)


@blueprint.get("/flow/<run_id>/mermaid")
def as_mermaid(run_id: str) -> Response:
    """Export the run as a Mermaid sequence diagram."""
    return _text(mermaid.diagram(_run(run_id)))


@blueprint.get("/flow/<run_id>/curl")
def as_curl(run_id: str) -> Response:
    """Export the run as curl commands that can be pasted on the host."""
    return _text(_commands(_run(run_id)))


@blueprint.get("/flow/<run_id>/har")
def as_har(run_id: str) -> Response:
    """Export the run as an HTTP Archive, which browsers' developer tools read."""
    response = jsonify(har.archive(_run(run_id)))
    response.headers["Content-Disposition"] = f'attachment; filename="{run_id}.har"'
    return response


def _text(lines: Iterable[str]) -> Response:
    return Response("".join(f"{line}\n" for line in lines), mimetype="text/plain")


def _commands(run: dict[str, Any]) -> list[str]:
    return list(curl.commands(run, curl.public_addresses(_service().settings)))


def _started(wanted: str) -> str:
    """Start an import or a case of the gallery; return the run's id; raise UnknownCaseError."""
    service = _service()
    if wanted not in IMPORTS:
        return service.cases.start(wanted)
    trace_id = trace.current() or trace.trace_id_of(None)
    return service.runner.start("web", trace_id, resend=True, fresh_token=IMPORTS[wanted])


def _run(run_id: str) -> dict[str, Any]:
    if (run := _service().history.find(run_id)) is None:
        raise ProblemError(404, "Not Found", "There is no such run; the last fifty are kept.")
    return run


def _page(run_id: str, step: str | None) -> bytes:
    run, now = _run(run_id), datetime.now(UTC)
    if (shown := view(run, step, now)) is None:
        raise ProblemError(404, "Not Found", "This run has no such step.")
    age = (now - datetime.fromisoformat(run["started_at"])).total_seconds()
    flow: dict[str, Any] = {
        "run": _titled(run),
        "view": shown,
        "new": age < NEW_SECONDS,
        "following": _following(run),
    }
    if shown.pane and shown.pane.item.kind == "request":
        flow["command"] = _commands(run)[shown.pane.item.exchange]
    if request.args.get("only") == "flow":
        return _html("flow.html", flow)
    return _html("page.html", flow | _surroundings())


def _html(template: str, shown: dict[str, Any]) -> bytes:
    return render_template(template, **shown).encode(
        errors="replace"
    )  # recorded JSON may hold half a character


def _surroundings() -> dict[str, Any]:
    service = _service()
    return {
        "token": service.token_facts(),
        "runs": [_titled(run) for run in service.history.recent()],
        "books": service.books.read(),
        "gallery": groupby(gallery().values(), key=attrgetter("group")),
    }


def _following(run: dict[str, Any]) -> Case | None:
    """Return the case that comes after the run's in the gallery."""
    played = (run.get("case") or {}).get("id")
    return next((after for case, after in pairwise(gallery().values()) if case.id == played), None)


def _titled(run: dict[str, Any]) -> dict[str, Any]:
    """Return the run with a title and what came of it."""
    state = run["state"]
    if case := run.get("case"):
        told = {True: "as-expected", False: "not-as-expected", None: state}
        return run | {"title": case["title"], "outcome": told[case["as_expected"]]}
    return run | {"title": "Import with a fresh token" if run["fresh_token"] else "Import", "outcome": state}
