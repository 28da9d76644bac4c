"""A remembered token spares the signature, and nothing that can change."""

from typing import Any

import pytest
from protected_api.resource_server.access_token import (
    AccessToken,
    Policy,
    RefusalError,
    UnavailableError,
    verify,
)
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.remembered_tokens import RememberedTokens

NOW = 1_800_000_000


class Clock:
    """A clock that a test sets."""

    now: float = NOW

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Any) -> IssuerKeys:
    keys = IssuerKeys(lambda: issuer.key_set)
    keys.refresh()
    return keys


@pytest.fixture
def policy(issuer: Any, keys: IssuerKeys, clock: Clock) -> Policy:
    return Policy(issuer.url, "http://localhost:9001", keys.find, clock_skew=60, clock=clock)


@pytest.fixture
def tokens(policy: Policy) -> RememberedTokens:
    return RememberedTokens(policy, limit=2)


@pytest.fixture
def token(issuer: Any) -> str:
    compact: str = issuer.token(iat=NOW, exp=NOW + 300)
    return compact


def check_of(tokens: RememberedTokens, token: str) -> str:
    with pytest.raises(RefusalError) as refused:
        tokens.verify(token)
    return refused.value.check


def test_remembers_a_good_token_but_not_its_text(tokens: RememberedTokens, token: str) -> None:
    first = tokens.verify(token)
    assert tokens.verify(token) is first
    assert (first.client_id, first.scope) == ("import-job", ["batch:upload", "read:timesheets"])
    assert first.compact == ""
    assert token not in repr(vars(tokens))


def test_remembers_no_bad_token(tokens: RememberedTokens, issuer: Any, token: str) -> None:
    tokens.verify(token)
    bad = issuer.token(iat=NOW, exp=NOW + 300, aud="x")
    assert [check_of(tokens, bad), check_of(tokens, bad)] == ["audience", "audience"]


def test_ends_a_remembered_token_at_its_expiry(tokens: RememberedTokens, clock: Clock, token: str) -> None:
    tokens.verify(token)
    clock.now = NOW + 359.9
    tokens.verify(token)
    clock.now = NOW + 360
    assert check_of(tokens, token) == "times"


def test_refuses_a_remembered_token_before_its_time(
    tokens: RememberedTokens, clock: Clock, token: str
) -> None:
    tokens.verify(token)
    clock.now = NOW - 61
    assert check_of(tokens, token) == "times"


def test_ends_a_remembered_token_with_its_key(
    tokens: RememberedTokens, keys: IssuerKeys, issuer: Any, token: str
) -> None:
    tokens.verify(token)
    issuer.key_set = {"keys": [issuer.jwk("ec")]}
    keys.refresh()
    assert check_of(tokens, token) == "kid-known"


def test_serves_no_remembered_token_without_a_usable_key_set(
    tokens: RememberedTokens, keys: IssuerKeys, issuer: Any, token: str
) -> None:
    tokens.verify(token)
    issuer.key_set = {"keys": []}
    keys.refresh()
    with pytest.raises(UnavailableError):
        tokens.verify(token)


def test_ends_a_remembered_token_when_its_kid_names_another_key(
    tokens: RememberedTokens, keys: IssuerKeys, issuer: Any, token: str
) -> None:
    tokens.verify(token)
    issuer.key_set = {"keys": [issuer.jwk("ec", kid="rsa")]}
    keys.refresh()
    assert check_of(tokens, token) == "alg-fits-the-key"


def test_keeps_a_remembered_token_when_the_same_key_is_fetched_again(
    tokens: RememberedTokens, keys: IssuerKeys, token: str
) -> None:
    first = tokens.verify(token)
    keys.refresh()
    assert tokens.verify(token) is first


def test_remembers_so_many_tokens_and_forgets_the_oldest(tokens: RememberedTokens, issuer: Any) -> None:
    compacts = [issuer.token(iat=NOW, exp=NOW + 300, jti=str(number)) for number in range(3)]
    first, second, third = [tokens.verify(compact) for compact in compacts]
    assert tokens.verify(compacts[2]) is third
    assert tokens.verify(compacts[1]) is second
    assert tokens.verify(compacts[0]) is not first


@pytest.mark.parametrize(
    ("at", "good"), [(NOW - 60.001, False), (NOW - 60, True), (NOW + 359.999, True), (NOW + 360, False)]
)
def test_holds_times_to_the_edge(policy: Policy, clock: Clock, token: str, at: float, good: bool) -> None:
    clock.now = at
    if good:
        assert verify(AccessToken(token), policy).client_id == "import-job"
    else:
        with pytest.raises(RefusalError, match=r"expired|not valid yet"):
            verify(AccessToken(token), policy)


@pytest.mark.parametrize("length", [4096, 4097])
def test_holds_the_size_to_the_edge(policy: Policy, length: int) -> None:
    with pytest.raises(RefusalError) as refused:
        verify(AccessToken("x" * length), policy)
    assert refused.value.check == ("well-formed" if length == 4096 else "size")
