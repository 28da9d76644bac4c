"""The exact limits of size and times. Not here: all other bad tokens (test_hostile_tokens.py)."""

from typing import Any

import pytest
from protected_api.resource_server.access_token import AccessToken, Policy, verify
from protected_api.resource_server.refusals import RefusalError

NOW = 1_800_000_000


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


@pytest.mark.parametrize("length", [4096, 4097])
def test_limits_the_size_exactly(policy: Policy, length: int) -> None:
    with pytest.raises(RefusalError) as refused:
        verify(AccessToken("x" * length), policy)
    assert refused.value.check == ("well-formed" if length == 4096 else "size")
