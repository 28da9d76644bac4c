"""The keys of another issuer by three clocks; a slow issuer costs other clients nothing."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from auth_server.algorithms import generate_key
from auth_server.clients.public_keys import ClientKey, KeyFileError
from auth_server.federation.issuer_keys import IssuerKeys, Keys, KeysUnavailableError

KEYS = {kid: ClientKey(kid, "ES256", generate_key("ES256")) for kid in ("first", "second")}


class Issuer:
    """Publishes keys; `asked` counts the fetches, and `answers` can be cleared to hold them."""

    def __init__(self) -> None:
        self.published: Keys | Exception = [KEYS["first"]]
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()
        self.now = 1000.0

    def fetch(self) -> Keys:
        """Return what is published, or raise it."""
        self.asked += 1
        assert self.answers.wait(10)
        if isinstance(self.published, Exception):
            raise self.published
        return self.published

    def keys(self, max_wait: float = 5, waiting: "threading.Lock | None" = None) -> IssuerKeys:
        """Return the keys of this issuer, by a clock that the test sets."""
        return IssuerKeys(self.fetch, waiting or threading.Lock(), max_wait=max_wait, clock=lambda: self.now)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def named(kid: str) -> Callable[[ClientKey], bool]:
    return lambda key: key.kid == kid


def ended(keys: IssuerKeys) -> None:
    assert keys._ended.wait(5)


def test_fetches_nothing_before_a_key_is_asked_for_and_then_once(issuer: Issuer) -> None:
    keys = issuer.keys()
    assert issuer.asked == 0
    for _ in range(3):
        assert keys.find(named("first")) == [KEYS["first"]]
    assert issuer.asked == 1


def test_fetches_again_in_the_background_after_the_soft_time(issuer: Issuer) -> None:
    keys = issuer.keys()
    keys.find(named("first"))
    issuer.published = [KEYS["second"]]
    issuer.now += 301
    issuer.answers.clear()
    assert keys.find(named("first")) == [KEYS["first"]], "a known key never waits"
    issuer.answers.set()
    ended(keys)
    assert keys.find(named("second")) == [KEYS["second"]]
    assert issuer.asked == 2


def test_trusts_keys_until_the_hard_time_while_the_issuer_fails(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    keys = issuer.keys()
    keys.find(named("first"))
    issuer.published = OSError("down")
    for age in (301, 86399):
        issuer.now = 1000 + age
        assert keys.find(named("first")) == [KEYS["first"]]
        ended(keys)
    issuer.now = 1000 + 86401
    with caplog.at_level(logging.WARNING), pytest.raises(KeysUnavailableError, match="there are no keys"):
        keys.find(named("first"))
    assert [record.reason for record in caplog.records] == ["down"] * 3  # type: ignore[attr-defined]


def test_fetches_for_an_unknown_kid_at_most_once_in_the_cooldown(issuer: Issuer) -> None:
    keys = issuer.keys()
    keys.find(named("first"))
    issuer.published = list(KEYS.values())
    for _ in range(5):
        assert keys.find(named("second")) == [], "within the cooldown of the first fetch"
    assert issuer.asked == 1
    issuer.now += 30
    assert keys.find(named("second")) == [KEYS["second"]]
    for _ in range(5):
        assert keys.find(named("made up")) == []
    assert issuer.asked == 2


@pytest.mark.parametrize("failure", [OSError("refused"), KeyFileError("is not a JWK Set")])
def test_tries_again_after_a_second_while_there_are_no_keys(issuer: Issuer, failure: Exception) -> None:
    keys = issuer.keys()
    issuer.published = failure
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            keys.find(named("first"))
    assert issuer.asked == 1
    issuer.published = [KEYS["first"]]
    issuer.now += 1
    assert keys.find(named("first")) == [KEYS["first"]]


def test_waits_for_a_slow_issuer_only_so_long(issuer: Issuer) -> None:
    issuer.answers.clear()
    with pytest.raises(KeysUnavailableError, match="still being fetched"):
        issuer.keys(max_wait=0.01).find(named("first"))
    issuer.answers.set()


def test_one_request_of_all_waits_and_the_others_are_answered_at_once(issuer: Issuer) -> None:
    """Four threads serve a worker: requests that wait for slow issuers must not hold all of them."""
    issuer.answers.clear()
    other = Issuer()
    other.answers.clear()
    waiting = threading.Lock()
    keys = issuer.keys(waiting=waiting)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.find, named("first"))
        while not waiting.locked():
            time.sleep(0.001)
        for busy in (keys, other.keys(waiting=waiting)):
            with pytest.raises(KeysUnavailableError, match="another request waits"):
                busy.find(named("first"))
        issuer.answers.set()
        other.answers.set()
        assert first.result(5) == [KEYS["first"]]
    assert issuer.asked == 1


def test_threads_share_one_fetch(issuer: Issuer) -> None:
    keys = issuer.keys()

    def ask(_: int) -> bool:
        try:
            return keys.find(named("first")) == [KEYS["first"]]
        except KeysUnavailableError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(ask, range(32)))
    assert issuer.asked == 1
