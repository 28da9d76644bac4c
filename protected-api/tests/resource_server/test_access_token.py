"""The exact limits of size and times. Not here: all other bad tokens (test_hostile_tokens.py)."""

from dataclasses import replace
from typing import Any

import pytest
from protected_api.resource_server.access_token import YEAR_10000, AccessToken, Policy, verify
from protected_api.resource_server.refusals import RefusalError

NOW = 1_800_000_000


@pytest.mark.requirement("RFC 9068 4 exp", "RFC 7519 4.1.4 exp")
@pytest.mark.parametrize(
    ("at", "good"), [(NOW - 60.001, False), (NOW - 60, True), (NOW + 359.999, True), (NOW + 360, False)]
)
def test_limits_times_exactly(policy: Policy, clock: Any, token: str, at: float, good: bool) -> None:
    clock.now = at
    if good:
        assert verify(AccessToken(token), policy).client_id == "import-job"
    else:
        with pytest.raises(RefusalError, match=r"expired|not valid yet"):
            verify(AccessToken(token), policy)


@pytest.mark.parametrize("limit", [4096, 1024, 65536])
def test_limits_the_size_exactly(policy: Policy, limit: int) -> None:
    policy = replace(policy, max_length=limit)
    checks = []
    for length in (limit, limit + 1):
        with pytest.raises(RefusalError) as refused:
            verify(AccessToken("x" * length), policy)
        checks.append(refused.value.check)
    assert checks == ["well-formed", "size"]
    assert str(refused.value) == f"The token is longer than {limit} characters."


def test_allows_4096_characters_unless_told_otherwise(policy: Policy) -> None:
    assert policy.max_length == 4096


@pytest.mark.parametrize(
    ("claim", "at", "good"),
    [
        ("iat", 0, True),
        ("nbf", 0, True),
        ("iat", -1, False),
        ("exp", YEAR_10000 - 1, True),
        ("exp", YEAR_10000, False),
    ],
)
def test_a_time_is_a_number_from_1970_to_the_end_of_the_year_9999(
    issuer: Any, policy: Policy, claim: str, at: int, good: bool
) -> None:
    token = AccessToken(issuer.token(**{"iat": NOW, "exp": NOW + 300, claim: at}))
    if good:
        assert verify(token, policy).client_id == "import-job"
    else:
        with pytest.raises(RefusalError, match=r"^A time in the token is not a number of seconds\.$"):
            verify(token, policy)
