"""One token request at a time for all threads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from calling_service.oauth_client.token_source import TokenError, TokenSource

API = "https://api.example"
SCOPES = ("b", "a")


def in_threads(number: int, work: Callable[[], Any]) -> list[Any]:
    """Do the work in several threads that begin at the same moment; return results or errors."""
    barrier = threading.Barrier(number)

    def begin() -> Any:
        barrier.wait(10)
        try:
            return work()
        except TokenError as error:
            return error

    with ThreadPoolExecutor(number) as threads:
        return [each.result(10) for each in [threads.submit(begin) for _ in range(number)]]


def test_fifty_threads_at_a_cold_start_make_one_call(source: TokenSource, endpoint: Any) -> None:
    endpoint.hold = threading.Event()
    threading.Thread(target=lambda: endpoint.arrived.wait(10) and endpoint.hold.set()).start()
    tokens = in_threads(50, lambda: source.get(API, SCOPES))
    assert endpoint.calls == 1
    assert {token.value for token in tokens} == {tokens[0].value}


def test_fifty_threads_at_renewal_make_one_call_and_do_not_wait_for_it(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    old = source.get(API, SCOPES)
    clock.now += 3600 - 30
    endpoint.arrived.clear()
    endpoint.hold = threading.Event()
    with ThreadPoolExecutor(1) as one:
        leader = one.submit(source.get, API, SCOPES)
        assert endpoint.arrived.wait(10)
        assert in_threads(50, lambda: source.get(API, SCOPES)) == [old] * 50
        endpoint.hold.set()
        new = leader.result(10)
    assert new != old
    assert in_threads(50, lambda: source.get(API, SCOPES)) == [new] * 50
    assert endpoint.calls == 2


def test_only_threads_that_wait_get_the_error(source: TokenSource, endpoint: Any) -> None:
    endpoint.hold = threading.Event()
    endpoint.answers = [endpoint.error(500, "server_error")]
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(source.get, API, SCOPES) for _ in range(2)]
        assert endpoint.arrived.wait(10)
        endpoint.hold.set()
        errors = [call.exception(10) for call in waiting]
    assert str(errors[0]) == "server_error: no"
    assert source.get(API, SCOPES).value


def test_every_thread_that_waits_gets_the_error_and_no_token(source: TokenSource, endpoint: Any) -> None:
    """Each waits for the same call: the first thread is in it when the others come."""
    endpoint.hold = threading.Event()
    endpoint.answers = [endpoint.error(500, "server_error")]
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(source.get, API, SCOPES)
        assert endpoint.arrived.wait(10)
        (pending,) = source._pending.values()
        endpoint.hold.set()
        assert isinstance(first.exception(10), TokenError)
    assert isinstance(pending.exception(10), TokenError)


def test_a_token_dropped_while_its_renewal_fails_is_not_used(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    old = source.get(API, SCOPES)
    clock.now += 3600 - 30
    endpoint.arrived.clear()
    endpoint.hold = threading.Event()
    endpoint.answers = [endpoint.error(500, "server_error")]
    with ThreadPoolExecutor(1) as one:
        leader = one.submit(source.get, API, SCOPES)
        assert endpoint.arrived.wait(10)
        source.drop(old)
        endpoint.hold.set()
        assert isinstance(leader.exception(10), TokenError)


def test_an_interrupt_releases_waiting_threads(source: TokenSource) -> None:
    class InterruptedSession(requests.Session):
        def request(self, *_: Any, **__: Any) -> requests.Response:
            raise KeyboardInterrupt

    session = source.session
    source.session = InterruptedSession()
    with pytest.raises(KeyboardInterrupt):
        source.get(API, SCOPES)
    source.session = session
    assert source.get(API, SCOPES).value
