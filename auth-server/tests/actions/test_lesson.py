"""The Python code of the lesson on Actions runs and does what the lesson says."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from auth_server.app import create_app
from auth_server.database.tables import clients, grants
from auth_server.startup import Service
from joserfc import jws
from sqlalchemy import update
from werkzeug.test import TestResponse

LESSON = Path(__file__).parents[3] / "docs/actions.md"
HOOK, ACTION = re.findall(r"^```python\n(.*?)^```$", LESSON.read_text(), re.DOTALL | re.MULTILINE)
SCOPES = ["read:timesheets", "approve:timesheets"]

Run = Callable[[str, dict[str, str]], TestResponse]


@pytest.fixture
def run(service: Service, tmp_path: Path) -> Run:
    """Return a function that requests a token with metadata, and a block of the lesson as the Action."""

    def send(action: str, metadata: dict[str, str]) -> TestResponse:
        (tmp_path / "actions/lesson.py").write_text(action)
        with service.engine.begin() as connection:
            connection.execute(update(clients).values(metadata=metadata))
            connection.execute(update(grants).values(scopes=SCOPES))
        form = {"grant_type": "client_credentials"}
        return create_app(service).test_client().post("/oauth/token", data=form, auth=("job", "job-secret"))

    return send


@pytest.mark.parametrize(
    ("metadata", "scope"),
    [
        ({"department": "Payroll"}, "read:timesheets approve:timesheets"),
        ({"department": "Sales"}, "read:timesheets"),
        ({}, "read:timesheets"),
    ],
)
def test_the_ported_hook(run: Run, metadata: dict[str, str], scope: str) -> None:
    token = run(HOOK, metadata).get_json()["access_token"]
    claims = json.loads(jws.extract_compact(token.encode()).payload)
    assert claims["https://exampleco.example/department"] == metadata.get("department")
    assert claims["scope"] == scope


@pytest.mark.parametrize(
    ("metadata", "status"),
    [({}, 200), ({"allowed_address": "127.0.0.1"}, 200), ({"allowed_address": "192.0.2.1"}, 400)],
)
def test_the_ported_action(run: Run, metadata: dict[str, str], status: int) -> None:
    response = run(ACTION, metadata)
    assert response.status_code == status
    if status == 400:
        assert response.get_json() == {
            "error": "unauthorized_client",
            "error_description": "Not from this address.",
        }
