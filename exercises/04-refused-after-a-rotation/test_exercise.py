"""A key signs only after it has been announced for long enough (here for KEY_ANNOUNCEMENT, an hour)."""

import time
from dataclasses import dataclass, replace

import pytest
from auth_server.keys.life import State
from auth_server.keys.store import KeyStore
from auth_server.startup import Service

HOUR = 3600


@dataclass
class Clock:
    """A clock that the test moves, in Unix time."""

    now: float

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time() + 2 * HOUR)  # the first keys have been announced for long enough


@pytest.fixture
def store(service: Service, clock: Clock) -> KeyStore:
    return replace(service.keys.store, now=clock)


def signs(store: KeyStore) -> str:
    (life,) = store.read().of("RS256", store.now(), State.CURRENT)
    return life.key.kid


def published(store: KeyStore) -> set[str]:
    return {key.kid for key in store.read().published(store.now())}


def test_the_next_key_signs_at_once_if_it_was_announced_long_ago(store: KeyStore) -> None:
    before = signs(store)
    store.rotate(["RS256"])
    assert signs(store) != before


def test_a_key_that_was_just_announced_does_not_sign_yet(store: KeyStore) -> None:
    store.rotate(["RS256"])
    before = signs(store)
    store.rotate(["RS256"])
    assert signs(store) == before


def test_an_api_that_fetched_the_keys_before_knows_the_key_that_signs(store: KeyStore) -> None:
    known = published(store)
    for _ in range(2):
        store.rotate(["RS256"])
        assert signs(store) in known


def test_the_second_rotation_takes_effect_after_the_announcement(store: KeyStore, clock: Clock) -> None:
    store.rotate(["RS256"])
    before = signs(store)
    store.rotate(["RS256"])
    known = published(store)
    clock.now += HOUR
    assert signs(store) != before
    assert signs(store) in known
