"""What the tests of this folder share: a clock that a test sets, a policy, and a good token."""

from typing import Any

import pytest
from protected_api.resource_server.access_token import Policy
from protected_api.resource_server.issuer_keys import IssuerKeys

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
def token(issuer: Any) -> str:
    compact: str = issuer.token(iat=NOW, exp=NOW + 300)
    return compact
