"""Approve and list timesheets. Not here: whether the token is still active (resource_server/), the store."""

import logging
from datetime import UTC, datetime

from flask import Blueprint, Response

from protected_api.endpoints.json_requests import json_response, query
from protected_api.endpoints.openapi import operation
from protected_api.problems import problem
from protected_api.resource_server import AccessToken, require_scope
from protected_api.timesheets.answers import Approvals, Problem, Timesheet
from protected_api.timesheets.models import Query
from protected_api.timesheets.store import TimesheetStore

log = logging.getLogger(__name__)


def approval_routes(store: TimesheetStore) -> Blueprint:
    """Return the routes of this store. An approval has the id of its timesheet."""
    routes = Blueprint("approvals", __name__, url_prefix="/approvals")

    @routes.get("")
    @require_scope("approve:timesheets", fresh=True)
    @operation({200: Approvals}, query=Query)
    def read(_: AccessToken) -> Response:
        """Read timesheets with their approvals, in the order of booking."""
        page, next_cursor = store.page(query())
        return json_response({"approvals": page, "next_cursor": next_cursor})

    @routes.put("/<timesheet:timesheet_id>")
    @require_scope("approve:timesheets", fresh=True)
    @operation({200: Timesheet, 404: Problem})
    def approve(token: AccessToken, timesheet_id: int) -> Response:
        """Approve a timesheet; what is approved stays as it is."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        try:
            timesheet = store.approve(timesheet_id, token.client_id, now)
        except LookupError:
            return problem(404, "There is no such timesheet.")
        log.info("timesheet approved", extra={"client_id": token.client_id, "id": timesheet_id})
        return json_response(timesheet)

    return routes
