"""The HTTP endpoints for programs: start a run, look at runs and at the token, health. Not here: page.py."""

import os
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from flow_explorer.gallery.case import UnknownCaseError

from calling_service import trace
from calling_service.guard import require_explain, require_own_page, require_whole_body
from calling_service.problems import ProblemError
from calling_service.service import Service

OPTIONS = frozenset({"resend", "fresh_token"})

blueprint = Blueprint("calling-service", __name__)


def _service() -> Service:
    service: Service = current_app.extensions["calling-service"]
    return service


@blueprint.post("/runs")
def start_run() -> Response:
    """Start an import or a case of the gallery, or join the one that is on: 202, and where to look at it."""
    require_own_page(request)
    asked = _object()
    run_id = _start_case(asked) if "case" in asked else _start_import(asked)
    response = jsonify(id=run_id)
    response.status_code, response.location = 202, url_for(".show_run", run_id=run_id)
    return response


@blueprint.get("/runs")
def list_runs() -> Response:
    """Show the last runs, the newest first, without their exchanges."""
    return jsonify(runs=_service().history.recent())


@blueprint.get("/runs/<run_id>")
def show_run(run_id: str) -> Response:
    """Show one run with its exchanges."""
    run = _service().history.find(run_id)
    if run is None:
        raise ProblemError(404, "Not Found", "There is no such run; GET /runs lists the last ones.")
    return jsonify(run)


@blueprint.get("/token")
def show_token() -> Response:
    """Show facts about the cached token, never the token; times in seconds."""
    return jsonify(_service().token_facts())


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether a run could start: its folders, its database and its credential can be used."""
    settings = _service().settings
    credential = "CLIENT_KEY_FILE" if settings.private_key else "CLIENT_SECRET_FILE"
    reasons = {
        "STATE_DIR cannot be written": os.access(settings.state_dir, os.W_OK | os.X_OK),
        "import.db in STATE_DIR cannot be used": _service().history.is_usable(),
        "INBOX cannot be read": os.access(settings.inbox, os.R_OK | os.X_OK),
        f"{credential} cannot be read": os.access(settings.credential_file, os.R_OK),
    }
    if faults := [reason for reason, fine in reasons.items() if not fine]:
        response = jsonify(status="not ready", reason="; ".join(faults))
        response.status_code = 503
        return response
    return jsonify(status="ready")


def _object() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise ProblemError(415, "Unsupported Media Type", "Send application/json; {} is enough.")
    require_whole_body(request)
    asked: Any = None
    with suppress(RecursionError):  # of a body nested too deep
        asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        raise ProblemError(400, "Bad Request", "The body is no JSON object; {} is enough.")
    return asked


def _start_import(options: dict[str, Any]) -> str:
    if unknown := sorted(set(options) - OPTIONS):
        raise ProblemError(
            400, "Bad Request", f"Unknown member {unknown[0][:50]!r}; known: {', '.join(sorted(OPTIONS))}."
        )
    if not all(isinstance(value, bool) for value in options.values()):
        raise ProblemError(400, "Bad Request", "Members are true or false.")
    return _service().runner.start("web", trace.current() or trace.trace_id_of(None), **options)


def _start_case(asked: dict[str, Any]) -> str:
    require_explain(explain=_service().settings.explain)
    if len(asked) > 1 or not isinstance(asked["case"], str):
        raise ProblemError(400, "Bad Request", "A case is asked for by its id, and by nothing else.")
    try:
        return _service().cases.start(asked["case"])
    except UnknownCaseError as error:
        raise ProblemError(
            400, "Bad Request", "There is no such case; docs/gallery.md lists them."
        ) from error
