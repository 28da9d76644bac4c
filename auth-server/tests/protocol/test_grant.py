"""The client credentials grant: the grant type, and a refusal that never comes from a remembered client."""

from collections.abc import Callable
from typing import Any

import pytest
from auth_server.database.tables import clients as clients_table
from auth_server.database.tables import grants
from auth_server.startup import Service
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]


def test_a_wider_grant_works_at_once(ask: Ask, service: Service) -> None:
    assert ask({"scope": "admin"}).status_code == 400
    with service.engine.begin() as connection:
        connection.execute(update(grants).where(grants.c.client == "job").values(scopes=["admin"]))
    assert ask({"scope": "admin"}).get_json()["scope"] == "admin"


@pytest.mark.parametrize("change", [delete(clients_table), update(clients_table).values(enabled=False)])
def test_a_client_that_is_gone_gets_invalid_client_and_no_other_refusal(
    ask: Ask, service: Service, change: Any
) -> None:
    ask()
    with service.engine.begin() as connection:
        connection.execute(delete(grants))
        connection.execute(change)
    assert ask({"scope": "admin"}).get_json()["error"] == "invalid_client"


GRANT_TYPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "no grant type": ("invalid_request", "The grant_type is missing.", {"parameters": "scope=read"}),
    "empty grant type": ("invalid_request", "The grant_type is missing.", {"parameters": "grant_type="}),
    "other grant type": (
        "unsupported_grant_type",
        "The grant_type must be client_credentials.",
        {"parameters": {"grant_type": 'pass"w\u00f6rd'}},
    ),
}


@pytest.mark.requirement("RFC 6749 4.4.2 grant type", "RFC 9700 2.4 password grant")
@pytest.mark.parametrize("case", GRANT_TYPES)
def test_refuses_every_other_grant_type(ask: Ask, case: str) -> None:
    error, description, options = GRANT_TYPES[case]
    response = ask(**options)
    assert response.status_code == 400
    assert response.get_json() == {"error": error, "error_description": description}
    assert "WWW-Authenticate" not in response.headers
