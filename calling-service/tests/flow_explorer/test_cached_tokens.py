from typing import Any

import pytest
from flow_explorer.cached_tokens import cached_tokens

TOKEN: dict[str, Any] = {"header": {"alg": "RS256"}, "payload": {"exp": 1795521660, "jti": "1"}}


def test_a_token_that_the_run_brought_is_not_from_the_cache(recorded: Any) -> None:
    run = {"exchanges": [recorded(response_token=TOKEN), recorded(request_token=TOKEN)]}
    assert cached_tokens(run) == {}
    assert cached_tokens({"exchanges": [recorded()]}) == {}


def test_a_token_that_no_exchange_brought_is_from_the_cache(recorded: Any) -> None:
    another = {"header": {}, "payload": {"jti": "2"}}
    exchanges = [
        recorded(response_token=another),
        recorded(request_token=TOKEN),
        recorded(request_token=another),
    ]
    assert cached_tokens({"exchanges": exchanges}) == {1: 60}


def test_a_token_that_a_later_step_presents_again_is_from_the_cache(recorded: Any) -> None:
    def call(step: str, **changes: Any) -> dict[str, Any]:
        steps = [{"number": 4, "label": step, "shows": ["request", "response"]}]
        return recorded(request_token=TOKEN, steps=steps, **changes)  # type: ignore[no-any-return]

    calls = [call("calls"), call("calls", status=422), call("calls again"), call("calls", elapsed=9)]
    assert cached_tokens({"exchanges": [recorded(response_token=TOKEN), *calls]}) == {3: 60, 4: 60}
    brought = recorded(response_token=TOKEN, receiver="Authorization Server", request_token=TOKEN)
    assert cached_tokens({"exchanges": [brought, call("calls")]}) == {}, "an assertion is no access token"


@pytest.mark.parametrize(("status", "cached"), [(200, {0: 60}), (401, {}), (None, {})])
def test_a_token_of_a_case_is_from_the_cache_only_if_the_api_accepted_it(
    recorded: Any, status: int | None, cached: dict[int, float]
) -> None:
    run = {"case": {"id": "tampered"}, "exchanges": [recorded(status=status, request_token=TOKEN)]}
    assert cached_tokens(run) == cached


@pytest.mark.parametrize(
    ("expiry", "left"),
    [
        (1795521600, 0),
        (0, 0),
        ("soon", 0),
        (None, 0),
        (float("inf"), 1e10),
        (float("nan"), 0),
        (10**400, 1e10),
    ],
)
def test_the_seconds_left_are_a_number_whatever_the_token_says(
    recorded: Any, expiry: object, left: float
) -> None:
    token = {"header": {}, "payload": {"exp": expiry}}
    assert cached_tokens({"exchanges": [recorded(request_token=token)]}) == {0: left}
