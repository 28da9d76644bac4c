"""Whether the service is alive, and whether it can serve requests."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from protected_api.settings import Settings

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)


def test_is_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_is_not_ready_without_its_database(client: FlaskClient, settings: Settings, connected: Any) -> None:
    with connected(settings) as connection:
        connection.execute("DROP TABLE timesheets")
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (
        503,
        {"status": "not ready", "reason": "the database cannot be used"},
    )
