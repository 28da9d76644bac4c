"""Timesheets are approved once. Not here: the fresh check itself (test_introspection.py)."""

import logging
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.settings import Settings

ENTRY = {"user_id": "u1", "date": "2026-11-02", "project": "P", "hours": "1.00"}
SCOPE = "batch:upload read:timesheets delete:timesheets approve:timesheets"
METADATA = 'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
INACTIVE = "The token is not active any more."
UNKNOWN = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The token cannot be checked at present.",
}
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)
Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def auth(bearer: Bearer) -> dict[str, str]:
    return bearer(scope=SCOPE)


@pytest.fixture
def booked(fresh_client: FlaskClient, auth: dict[str, str]) -> None:
    entries = [{"external_id": name, **ENTRY} for name in ("e1", "e2")]
    fresh_client.post("/timesheets/upload", json={"entries": entries}, headers=auth)


@pytest.mark.usefixtures("booked")
def test_approving_twice_changes_nothing(
    fresh_client: FlaskClient, auth: dict[str, str], bearer: Bearer
) -> None:
    first = fresh_client.put("/approvals/1", headers=auth)
    assert (first.status_code, first.json) == (
        200,
        {"id": 1, "external_id": "e1", **ENTRY, "client_id": "import-job", "department": None}
        | {"approved_by": "import-job", "approved_at": first.json and first.json["approved_at"]},
    )
    again = fresh_client.put("/approvals/1", headers=bearer(scope=SCOPE, client_id="other"))
    assert (again.status_code, again.json) == (200, first.json)


@pytest.mark.usefixtures("booked")
def test_filters_by_approval(fresh_client: FlaskClient, auth: dict[str, str]) -> None:
    def ids(path: str) -> list[int]:
        [rows] = [value for value in (fresh_client.get(path, headers=auth).json or {}).values() if value]
        return [row["id"] for row in rows]

    fresh_client.put("/approvals/2", headers=auth)
    assert ids("/approvals") == [1, 2]
    for path in ("/approvals", "/timesheets"):
        assert (ids(f"{path}?approved=true"), ids(f"{path}?approved=false")) == ([2], [1])


@pytest.mark.usefixtures("booked")
def test_refuses_to_delete_an_approved_timesheet(fresh_client: FlaskClient, auth: dict[str, str]) -> None:
    fresh_client.put("/approvals/1", headers=auth)
    refused = fresh_client.delete("/timesheets/1", headers=auth)
    assert (refused.status_code, refused.json) == (
        409,
        {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "An approved timesheet cannot be deleted.",
        },
    )
    assert fresh_client.delete("/timesheets/2", headers=auth).status_code == 204


@pytest.mark.parametrize("number", ["1", "999999999999999999", "9" * 5000, "0", "-1", "x", "٣"])
def test_answers_404_to_an_approval_of_an_unknown_timesheet(
    fresh_client: FlaskClient, auth: dict[str, str], number: str
) -> None:
    response = fresh_client.put(f"/approvals/{number}", headers=auth)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")


def test_answers_503_without_introspection_settings_and_logs_so_at_the_start(
    settings: Settings, fresh_settings: Settings, auth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    when_ready = runpy.run_path(str(Path(__file__).parents[2] / "gunicorn.conf.py"))["when_ready"]
    for chosen in (fresh_settings, settings):
        app = create_app(chosen)
        when_ready(SimpleNamespace(app=SimpleNamespace(wsgi=lambda app=app: app), log=logging.getLogger()))
    sentence = "approvals answer 503: CLIENT_ID and CLIENT_SECRET_FILE for introspection are not set"
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [sentence]
    app.extensions["keys"].refresh()
    assert app.test_client().get("/approvals", headers=auth).status_code == 503
