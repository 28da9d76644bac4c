from typing import Any

import pytest
from flow_explorer.answers import asked_and_answered
from recording.exchange import DecodedToken

FORM = "grant_type=client_credentials&scope=a+b&client_secret=[masked]"
ASKED = ("asked", [("grant_type", "client_credentials"), ("scope", "a b")])
TOKEN = DecodedToken(
    {}, {"sub": "job", "client_id": "job", "aud": "https://api.example", "scope": "a", "exp": 1}
)


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        (
            {"response_body": "{}", "response_token": TOKEN},
            [("granted", [("client_id", "job"), ("aud", "https://api.example"), ("scope", "a")])],
        ),
        (
            {"response_body": '{"error": "invalid_scope", "error_description": "b"}'},
            [("refused", [("error", "invalid_scope"), ("error_description", "b")])],
        ),
        ({"response_body": "<html>"}, []),
        ({"response_body": "[1]"}, []),
        ({"status": None}, []),
    ],
)
def test_sets_what_was_asked_beside_what_was_answered(
    exchange: Any, changes: dict[str, Any], answered: list[Any]
) -> None:
    assert asked_and_answered(exchange(request_body=FORM, **changes)) == [ASKED, *answered]
