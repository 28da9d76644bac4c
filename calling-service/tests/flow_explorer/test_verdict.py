from typing import Any

import pytest
from flow_explorer.verdict import asked_and_answered

FORM = "grant_type=client_credentials&scope=a+b&client_secret=[masked]"
ASKED = ("asked", [("grant_type", "client_credentials"), ("scope", "a b")])
CLAIMS = {"sub": "job", "client_id": "job", "aud": "https://api.example", "scope": "a", "exp": 1}


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (
            {"body": "{}", "token": {"header": {}, "payload": CLAIMS}},
            [("granted", [("client_id", "job"), ("aud", "https://api.example"), ("scope", "a")])],
        ),
        (
            {"body": '{"error": "invalid_scope", "error_description": "b"}', "token": None},
            [("refused", [("error", "invalid_scope"), ("error_description", "b")])],
        ),
        ({"body": "<html>", "token": None}, []),
        ({"body": "[1]", "token": None}, []),
        (None, []),
    ],
)
def test_sets_what_was_asked_beside_what_was_answered(response: Any, said: list[Any]) -> None:
    assert asked_and_answered({"request": {"body": FORM}, "response": response}) == [ASKED, *said]
