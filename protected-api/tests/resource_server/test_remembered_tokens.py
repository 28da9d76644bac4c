"""A remembered token skips the signature, but nothing that can change."""

from typing import Any

import pytest
from protected_api.resource_server.access_token import Policy
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.refusals import RefusalError, UnavailableError
from protected_api.resource_server.remembered_tokens import RememberedTokens

NOW = 1_800_000_000


@pytest.fixture
def tokens(policy: Policy) -> RememberedTokens:
    return RememberedTokens(policy, limit=2)


def test_remembers_1024_tokens_unless_told_otherwise(policy: Policy) -> None:
    assert RememberedTokens(policy)._limit == 1024


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


def test_does_not_remember_a_bad_token(tokens: RememberedTokens, issuer: Any, token: str) -> None:
    tokens.verify(token)
    bad = issuer.token(iat=NOW, exp=NOW + 300, aud="x")
    assert [check_of(tokens, bad), check_of(tokens, bad)] == ["audience", "audience"]


@pytest.mark.kinds_of_failures("access-token", {"cache-outlives-exp": "The token has expired."})
def test_refuses_a_remembered_token_once_it_has_expired(
    tokens: RememberedTokens, clock: Any, token: str
) -> None:
    tokens.verify(token)
    clock.now = NOW + 359.9
    tokens.verify(token)
    clock.now = NOW + 360
    assert check_of(tokens, token) == "times"


def test_refuses_a_remembered_token_before_its_time(tokens: RememberedTokens, clock: Any, token: str) -> None:
    tokens.verify(token)
    clock.now = NOW - 61
    assert check_of(tokens, token) == "times"


def test_refuses_a_remembered_token_once_its_key_is_withdrawn(
    tokens: RememberedTokens, keys: IssuerKeys, issuer: Any, token: str
) -> None:
    tokens.verify(token)
    issuer.key_set = {"keys": [issuer.jwk("ec")]}
    keys.refresh()
    assert check_of(tokens, token) == "kid-known"


def test_does_not_serve_a_remembered_token_without_a_usable_key_set(
    tokens: RememberedTokens, keys: IssuerKeys, issuer: Any, token: str
) -> None:
    tokens.verify(token)
    issuer.key_set = {"keys": []}
    keys.refresh()
    with pytest.raises(UnavailableError):
        tokens.verify(token)


def test_refuses_a_remembered_token_when_its_kid_names_another_key(
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


def test_forgets_the_oldest_token_beyond_the_limit(tokens: RememberedTokens, issuer: Any) -> None:
    compacts = [issuer.token(iat=NOW, exp=NOW + 300, jti=str(number)) for number in range(3)]
    first, second, third = [tokens.verify(compact) for compact in compacts]
    assert tokens.verify(compacts[2]) is third
    assert tokens.verify(compacts[1]) is second
    assert tokens.verify(compacts[0]) is not first


def test_a_token_that_was_verified_again_is_the_youngest(
    tokens: RememberedTokens, keys: IssuerKeys, issuer: Any
) -> None:
    kids = ["rsa", "ec", "ec"]
    compacts = [
        issuer.token(
            {"alg": "RS256" if kid == "rsa" else "ES256", "kid": kid}, iat=NOW, exp=NOW + 300, jti=str(number)
        )
        for number, kid in enumerate(kids)
    ]
    tokens.verify(compacts[0])
    tokens.verify(compacts[1])
    for published in (["ec"], ["ec", "rsa"]):  # the first token's key comes again, as another object
        issuer.key_set = {"keys": [issuer.jwk(kid) for kid in published]}
        keys.refresh()
    first = tokens.verify(compacts[0])
    tokens.verify(compacts[2])
    assert tokens.verify(compacts[0]) is first
