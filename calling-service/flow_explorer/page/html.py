"""A page of the explorer as HTML: what all its templates need, and the explorer that they show."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from calling_service.runs.run import Run
from flask import current_app, render_template

if TYPE_CHECKING:
    from flow_explorer.explorer import Explorer


def explorer() -> "Explorer":
    """Return the explorer of this application."""
    installed: Explorer = current_app.extensions["flow-explorer"]
    return installed


def html(template: str, context: Mapping[str, Any]) -> bytes:
    """Return a template with these values, as UTF-8."""
    text = render_template(template, title=title, outcome=_outcome, **context)
    return text.encode(errors="replace")  # recorded JSON may hold half a surrogate pair


def title(run: Run) -> str:
    """Return what a run is called."""
    if run.case:
        return run.case.title
    if run.fresh_token:
        return "Import with a fresh token"
    return "Import"


def _outcome(run: Run) -> str:
    if run.case is None or run.case.as_expected is None:
        return run.state
    if run.case.as_expected:
        return "as-expected"
    return "not-as-expected"
