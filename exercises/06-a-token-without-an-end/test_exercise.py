"""A token that passed is remembered, but not for longer than it is good."""

from dataclasses import dataclass
from typing import Any

import pytest
from protected_api.resource_server.access_token import Policy
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.refusals import RefusalError
from protected_api.resource_server.remembered_tokens import RememberedTokens

NOW = 1_800_000_000
SKEW = 60


@dataclass
class Clock:
    """A clock that the test moves, in Unix time."""

    now: float = NOW

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(issuer: Any, clock: Clock) -> RememberedTokens:
    keys = IssuerKeys(lambda: issuer.key_set)
    keys.refresh()
    return RememberedTokens(Policy(issuer.url, "http://localhost:9001", keys.find, SKEW, clock=clock))


@pytest.fixture
def token(issuer: Any) -> str:
    return str(issuer.token(iat=NOW, exp=NOW + 300))


def test_a_token_that_was_served_before_is_refused_once_it_has_expired(
    tokens: RememberedTokens, clock: Clock, token: str
) -> None:
    tokens.verify(token)
    clock.now = NOW + 300 + SKEW
    with pytest.raises(RefusalError) as refused:
        tokens.verify(token)
    assert refused.value.check == "times"


def test_a_token_that_was_never_served_is_refused_once_it_has_expired(
    tokens: RememberedTokens, clock: Clock, token: str
) -> None:
    clock.now = NOW + 300 + SKEW
    with pytest.raises(RefusalError):
        tokens.verify(token)


def test_a_good_token_is_checked_in_full_only_once(
    tokens: RememberedTokens, clock: Clock, token: str
) -> None:
    first = tokens.verify(token)
    clock.now = NOW + 299
    assert tokens.verify(token) is first
