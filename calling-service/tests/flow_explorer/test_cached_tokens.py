from typing import Any

import pytest
from calling_service.runs.case import CaseReport, Outcome
from flow_explorer.cached_tokens import cached_tokens
from recording.exchange import DecodedToken, Exchange, Step

TOKEN = DecodedToken({"alg": "RS256"}, {"exp": 1795521660, "jti": "1"})
CASE = CaseReport("tampered", "", "", "", "", Outcome(401, None, None))


def test_a_token_that_the_run_received_is_not_from_the_cache(exchange: Any, recorded: Any) -> None:
    run = recorded(exchange(response_token=TOKEN), exchange(request_token=TOKEN))
    assert cached_tokens(run) == {}
    assert cached_tokens(recorded(exchange())) == {}


def test_a_token_that_the_run_did_not_receive_is_from_the_cache(exchange: Any, recorded: Any) -> None:
    another = DecodedToken({}, {"jti": "2"})
    run = recorded(
        exchange(response_token=another), exchange(request_token=TOKEN), exchange(request_token=another)
    )
    assert cached_tokens(run) == {1: 60}


def test_a_token_that_a_later_step_presents_again_is_from_the_cache(exchange: Any, recorded: Any) -> None:
    def call(step: str, **changes: Any) -> Exchange:
        steps = (Step(4, step, ("request", "response")),)
        return exchange(request_token=TOKEN, steps=steps, **changes)  # type: ignore[no-any-return]

    calls = [call("calls"), call("calls", status=422), call("calls again"), call("calls", elapsed=9)]
    assert cached_tokens(recorded(exchange(response_token=TOKEN), *calls)) == {3: 60, 4: 60}
    brought = exchange(response_token=TOKEN, receiver="Authorization Server", request_token=TOKEN)
    assert cached_tokens(recorded(brought, call("calls"))) == {}, "an assertion is not an access token"


@pytest.mark.parametrize(("status", "cached"), [(200, {0: 60}), (401, {}), (None, {})])
def test_a_token_of_a_case_is_from_the_cache_only_if_the_api_accepted_it(
    exchange: Any, recorded: Any, status: int | None, cached: dict[int, float]
) -> None:
    run = recorded(exchange(status=status, request_token=TOKEN), case=CASE)
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
    exchange: Any, recorded: Any, expiry: object, left: float
) -> None:
    token = DecodedToken({}, {"exp": expiry})
    assert cached_tokens(recorded(exchange(request_token=token))) == {0: left}
