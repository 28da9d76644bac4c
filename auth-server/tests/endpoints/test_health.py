"""`/healthz` and `/readyz`."""

import pytest
from auth_server.database.tables import signing_keys
from auth_server.startup import Service
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event, update

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_is_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ready"}


def not_ready(app: Flask) -> str:
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    body: dict[str, str] = response.get_json()
    assert body.keys() == {"status", "reason"}
    assert body["status"] == "not ready"
    return body["reason"]


def test_is_not_ready_without_a_signing_key(app: Flask, service: Service) -> None:
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys))
    assert not_ready(app) == "no API is declared, or one has no signing key"


@pytest.mark.usefixtures("no_database")
def test_is_not_ready_without_a_database(app: Flask) -> None:
    assert not_ready(app) == "the database cannot be used"


@pytest.mark.databases("sqlite")  # the others: postgresql/test_outages.py
def test_is_not_ready_while_the_database_takes_no_writes(app: Flask, service: Service) -> None:
    event.listen(service.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    assert app.test_client().get("/.well-known/jwks.json").status_code == 200
    assert not_ready(app) == "the database cannot be used"


@pytest.mark.parametrize("generation", [1, 2])
def test_is_not_ready_with_a_key_that_does_not_decrypt_now_or_next(
    app: Flask, service: Service, generation: int
) -> None:
    with service.engine.begin() as connection:
        changed = {"kid": "another", "encrypted_private_jwk": b"x"}
        this = (signing_keys.c.alg == "ES256") & (signing_keys.c.generation == generation)
        connection.execute(update(signing_keys).where(this).values(changed))
    assert not_ready(app) == "the signing keys cannot be used"
