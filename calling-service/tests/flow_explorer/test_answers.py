from typing import Any

import pytest
from flow_explorer.answers import asked_and_answered, keys_caption
from recording.exchange import DecodedToken
from recording.server_timing import Check, ServerCall

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


JWKS = ServerCall("jwks", "GET http://auth-server:9000/.well-known/jwks.json", "200", 0.01, 3)


@pytest.mark.parametrize(
    ("reason", "checks", "calls", "said"),
    [
        (None, ("kid-known", "signature"), (), True),
        (None, ("kid-known", "signature"), (JWKS,), False),
        ("wrong", ("kid-known", "signature"), (), False),
        (None, ("remembered",), (), False),  # the key was used before
        (None, (), (), False),
    ],
)
def test_says_that_the_api_had_the_keys_before_it_verified_a_token(
    exchange: Any, *, reason: str | None, checks: tuple[str, ...], calls: tuple[ServerCall, ...], said: bool
) -> None:
    made = tuple(Check(name, 0.1, reason) for name in checks)
    caption = keys_caption(exchange(checks=made, calls=calls))
    assert bool(caption) == said
    assert caption is None or "GET /.well-known/jwks.json" in caption
