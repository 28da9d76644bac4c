"""A token request that has failed is made again if it may succeed, after a pause, a few times."""

from collections.abc import Callable

import pytest
from calling_service.oauth_client.retry import LONGEST_RETRY_AFTER
from calling_service.oauth_client.token_request import TokenError
from calling_service.oauth_client.token_retry import try_again


def failing(error: TokenError) -> tuple[Callable[[], str], list[str]]:
    """Return a call that always fails, and the list of its calls."""
    calls: list[str] = []

    def ask() -> str:
        calls.append("asked")
        raise error

    return ask, calls


def test_pauses_longer_each_time_and_raises_the_last_error() -> None:
    error = TokenError("unreachable", "no answer")
    ask, calls = failing(error)
    slept: list[float] = []
    with pytest.raises(TokenError) as raised:
        try_again(ask, 4, slept.append)
    assert raised.value is error
    assert (len(calls), slept) == (5, [0.0, 1.0, 2.0, 4.0])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_pauses_for_as_long_as_the_server_asks(status: int) -> None:
    ask, _ = failing(TokenError("temporarily_unavailable", "later", status, LONGEST_RETRY_AFTER))
    slept: list[float] = []
    with pytest.raises(TokenError, match="later"):
        try_again(ask, 2, slept.append)
    assert slept == [LONGEST_RETRY_AFTER] * 2


@pytest.mark.parametrize(
    "error",
    [
        TokenError("temporarily_unavailable", "a long pause", 503, LONGEST_RETRY_AFTER + 1),
        TokenError("server_error", "no pause helps", 500),
        TokenError("invalid_client", "refused", 401),
        TokenError("bad_response", "no token", 200),
        TokenError("no_credential", "no file"),
    ],
)
def test_does_not_repeat_what_a_moment_does_not_change(error: TokenError) -> None:
    ask, calls = failing(error)
    with pytest.raises(TokenError) as raised:
        try_again(ask, 3, lambda _: None)
    assert (raised.value, len(calls)) == (error, 1)
