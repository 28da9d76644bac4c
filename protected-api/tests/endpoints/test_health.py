"""Whether the service is alive, and whether it can serve requests."""

import sqlite3

from flask.testing import FlaskClient
from protected_api.settings import Settings


def test_is_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_is_not_ready_without_its_database(client: FlaskClient, settings: Settings) -> None:
    with sqlite3.connect(settings.database_file) as connection:
        connection.execute("DROP TABLE timesheets")
    connection.close()
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (
        503,
        {"status": "not ready", "reason": "the database cannot be used"},
    )
