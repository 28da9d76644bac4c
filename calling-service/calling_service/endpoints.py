"""The HTTP endpoints for programs: start a run, show runs and facts about the token, health.

Not here: the page (flow_explorer).
"""

import os
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, make_response, request, url_for
from werkzeug.exceptions import BadRequest, NotFound, UnsupportedMediaType

from calling_service.guard import require_own_page, require_whole_body
from calling_service.runs.case import UnknownCaseError
from calling_service.service import Service

OPTIONS = frozenset({"resend", "fresh_token"})
NOT_SHOWN = "This service does not show the flow. Start it with EXPLAIN=1: EXPLAIN=1 make up."

blueprint = Blueprint("calling-service", __name__)
without_explorer = Blueprint("without-explorer", __name__)


def _service() -> Service:
    service: Service = current_app.extensions["calling-service"]
    return service


@blueprint.post("/runs")
def start_run() -> Response:
    """Start an import or a case of the gallery, or join the one that is running; answer 202."""
    require_own_page(request)
    asked = _json_object()
    run_id = _start_case(asked) if "case" in asked else _start_import(asked)
    return make_response({"id": run_id}, 202, {"Location": url_for(".show_run", run_id=run_id)})


@blueprint.get("/runs")
def list_runs() -> Response:
    """Show the last runs, the newest first, without their exchanges."""
    return jsonify(runs=[run.as_json() for run in _service().history.recent()])


@blueprint.get("/runs/<run_id>")
def show_run(run_id: str) -> Response:
    """Show one run with its exchanges."""
    stored = _service().history.find(run_id)
    if stored is None:
        raise NotFound("There is no such run; GET /runs lists the last ones.")
    return jsonify(stored.as_json())


@blueprint.get("/token")
def show_token() -> Response:
    """Show facts about the cached token, never the token; times in seconds."""
    return jsonify(_service().token_facts())


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer that the process is alive."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer whether a run could start: its folders, its database and its credential can be used."""
    settings = _service().settings
    credential = "CLIENT_KEY_FILE" if settings.private_key else "CLIENT_SECRET_FILE"
    reasons = {
        "STATE_DIR cannot be written": os.access(settings.state_dir, os.W_OK | os.X_OK),
        "import.db in STATE_DIR cannot be used": _service().history.is_usable(),
        "INBOX cannot be read": os.access(settings.inbox, os.R_OK | os.X_OK),
        f"{credential} cannot be read": os.access(settings.credential_file, os.R_OK),
    }
    reason = "; ".join(reason for reason, fine in reasons.items() if not fine)
    if not reason:
        return make_response({"status": "ready"})
    return make_response({"status": "not ready", "reason": reason}, 503)


@without_explorer.get("/")
@without_explorer.post("/flow")
@without_explorer.get("/flow/<path:_path>")
@without_explorer.get("/glossary")
@without_explorer.get("/compare")
@without_explorer.post("/compare")
@without_explorer.get("/lessons")
@without_explorer.get("/lessons/<path:_path>")
@without_explorer.post("/lessons/<path:_path>")
def no_flow(_path: str = "") -> Response:
    """Answer 404 where the explorer's page would be, and say how it is switched on."""
    raise NotFound(NOT_SHOWN)


def _json_object() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json; {} is enough.")
    require_whole_body(request)
    asked: Any = None
    with suppress(RecursionError):  # of a body nested too deep
        asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        raise BadRequest("The body is not a JSON object; {} is enough.")
    return asked


def _start_import(options: dict[str, Any]) -> str:
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise BadRequest(f"Unknown member {unknown[0][:50]!r}; known: {', '.join(sorted(OPTIONS))}.")
    if not all(isinstance(value, bool) for value in options.values()):
        raise BadRequest("Members are true or false.")
    return _service().runner.start("web", **options)


def _start_case(asked: dict[str, Any]) -> str:
    explorer = _service().explorer
    if explorer is None:
        raise NotFound(NOT_SHOWN)
    if len(asked) > 1 or not isinstance(asked["case"], str):
        raise BadRequest("Start a case by its id alone.")
    try:
        return explorer.play_case(asked["case"])
    except UnknownCaseError as error:
        raise BadRequest("There is no such case here; docs/gallery.md lists them.") from error
