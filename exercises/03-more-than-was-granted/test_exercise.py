"""A token has only scopes that the client was granted. The client `job` has read and write."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]


@pytest.mark.parametrize("scope", ["admin", "read admin", "admin read", "read write admin", "read unknown"])
def test_refuses_a_scope_outside_the_grant(ask: Ask, scope: str) -> None:
    response = ask({"scope": scope})
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(("scope", "granted"), [("read", "read"), ("write read", "write read")])
def test_grants_what_is_within_the_grant(ask: Ask, scope: str, granted: str) -> None:
    assert ask({"scope": scope}).get_json()["scope"] == granted


def test_grants_everything_if_no_scope_is_asked_for(ask: Ask) -> None:
    assert ask().get_json()["scope"] == "read write"
