"""The life of a token by the clock that stands still in sleep and the one that people set."""

from typing import Any

import pytest
from calling_service.oauth_client.token_source import TokenSource

API = "https://api.example"
SCOPES = ("b", "a")


@pytest.mark.parametrize(("slept", "monotonic"), [(3600, 0), (0, 3600), (3600, 3600), (7200, -1000)])
def test_a_token_has_expired_when_either_clock_says_so(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any, *, slept: float, monotonic: float
) -> None:
    first = source.get(API, SCOPES)
    wall_clock.now += slept
    clock.now += monotonic
    assert source.peek(API, SCOPES) is None
    assert source.get(API, SCOPES).value != first.value
    assert endpoint.calls == 2


@pytest.mark.parametrize(("renewal", "calls"), [(3539, 1), (3541, 2)])
def test_a_token_is_renewed_before_its_expiry_by_the_wall_clock_too(
    source: TokenSource, endpoint: Any, wall_clock: Any, *, renewal: float, calls: int
) -> None:
    source.get(API, SCOPES)
    wall_clock.now += renewal
    source.get(API, SCOPES)
    assert endpoint.calls == calls


@pytest.mark.parametrize("change", [-86400, -3600, -1, 1, 3000])
def test_a_wall_clock_that_is_set_neither_revives_a_token_nor_costs_a_good_one(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any, *, change: float
) -> None:
    first = source.get(API, SCOPES)
    wall_clock.now += change
    assert source.get(API, SCOPES) is first
    clock.now += 3600
    wall_clock.now += 3600
    assert source.peek(API, SCOPES) is None
    source.get(API, SCOPES)
    assert endpoint.calls == 2


def test_a_wall_clock_that_jumps_to_and_fro_costs_one_renewal(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any
) -> None:
    for _ in range(20):
        for jump in (86400, -86400):
            source.get(API, SCOPES)
            wall_clock.now += jump
            clock.now += 1
    assert endpoint.calls == 2


def test_both_clocks_set_back_as_by_a_snapshot_on_another_host_make_no_token_good(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any
) -> None:
    first = source.get(API, SCOPES)
    clock.now -= 500
    wall_clock.now -= 500
    assert source.peek(API, SCOPES) is None
    assert source.drop_refused(first, again=False)
    assert source.get(API, SCOPES).value != first.value
    assert endpoint.calls == 2
