"""The life of a key set: soft time, hard time, cooldown, shared fetches, and what a bad issuer can do."""

import json
import logging
import threading
from collections.abc import Callable
from functools import partial
from itertools import chain, repeat
from queue import Queue
from typing import Any, TypeVar

import pytest
from flask.testing import FlaskClient
from protected_api.resource_server.issuer_documents import fetch_key_set
from protected_api.resource_server.issuer_keys import RETRY, IssuerKeys
from protected_api.resource_server.json_over_http import MAX_ANSWER, call
from protected_api.resource_server.refusals import UnavailableError
from werkzeug.wrappers import Request, Response

T = TypeVar("T")
UNAVAILABLE = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The token cannot be checked at present.",
}


@pytest.fixture
def keys(issuer: Any, clock: Any) -> IssuerKeys:
    return IssuerKeys(partial(fetch_key_set, issuer.url, issuer.jwks_uri, call), max_wait=10, clock=clock)


def test_fetches_in_the_background_at_the_start(keys: IssuerKeys, issuer: Any) -> None:
    keys.start()
    assert keys.find("rsa") is not None
    assert issuer.requests == ["/jwks"]


def test_the_thread_has_a_name_and_does_not_keep_the_process_from_ending(keys: IssuerKeys) -> None:
    before = set(threading.enumerate())
    keys.start()
    begun = set(threading.enumerate()) - before  # and one of the server that answers
    assert [thread.daemon for thread in begun if thread.name == "issuer-keys"] == [True]


def test_starts_by_itself_at_the_first_use(keys: IssuerKeys, issuer: Any) -> None:
    assert set(keys.usable()) == {"rsa", "ec", "ed"}
    assert issuer.requests == ["/jwks"]


@pytest.mark.requirement("RFC 8414 3 GET", "RFC 9068 4 keys", "RFC 9700 2.6 metadata")
def test_finds_the_set_through_the_metadata_of_the_issuer(issuer: Any) -> None:
    keys = IssuerKeys(partial(fetch_key_set, issuer.url, None, call))
    keys.refresh()
    assert set(keys.usable()) == {"rsa", "ec", "ed"}
    assert issuer.requests == ["/.well-known/oauth-authorization-server", "/jwks"]


def redirect(request: Request) -> Response:
    return Response(status=302, headers={"Location": f"{request.url_root}elsewhere"})


GARBAGE: list[tuple[Any, str]] = [
    (b"<html>", "Expecting value"),
    (b"", "Expecting value"),
    (b"\xff", "codec can't decode"),
    (b"[" * 100_000, "RecursionError"),
    ([], "not a JWK set"),
    ({}, "not a JWK set"),
    ({"keys": {}}, "not a JWK set"),
    (b" " * (MAX_ANSWER + 1), f"more than {MAX_ANSWER} bytes"),
    (redirect, "HTTP status 302"),
    (lambda _: Response(status=404), "HTTP status 404"),
    (lambda _: Response(status=500), "HTTP status 500"),
    (lambda _: Response(status=204), "HTTP status 204"),
]


@pytest.mark.kinds_of_failures(
    "access-token", {"key-address: a redirect": "HTTP status 302; it is not followed."}
)
@pytest.mark.parametrize(("answer", "reason"), GARBAGE, ids=[reason for _, reason in GARBAGE])
def test_keeps_its_set_when_the_issuer_answers_garbage(
    keys: IssuerKeys, issuer: Any, caplog: pytest.LogCaptureFixture, answer: Any, reason: str
) -> None:
    keys.refresh()
    before = keys.usable()
    issuer.key_set = answer
    keys.refresh()
    assert keys.usable() is before
    [record] = [record for record in caplog.records if record.message == "key set not fetched"]
    assert reason in vars(record)["reason"]
    assert "/elsewhere" not in issuer.requests


def test_logs_a_lasting_failure_once(keys: IssuerKeys, issuer: Any, caplog: pytest.LogCaptureFixture) -> None:
    issuer.key_set = []
    keys.refresh()
    keys.refresh()
    levels = [record.levelno for record in caplog.records if record.message == "key set not fetched"]
    assert levels == [logging.WARNING]


def test_trusts_no_key_once_the_issuer_has_withdrawn_all(keys: IssuerKeys, issuer: Any) -> None:
    keys.refresh()
    issuer.key_set = {"keys": []}
    keys.refresh()
    with pytest.raises(UnavailableError):
        keys.find("rsa")


def test_fetches_again_after_the_soft_time(issuer: Any) -> None:
    fetched = threading.Semaphore(0)

    def fetch() -> Any:
        fetched.release()
        return issuer.key_set

    keys = IssuerKeys(fetch, soft_ttl=0.01)
    keys.start()
    assert all(fetched.acquire(timeout=20) for _ in range(3))


def test_the_thread_pauses_shorter_while_the_issuer_does_not_answer(
    keys: IssuerKeys, issuer: Any, clock: Any
) -> None:
    good_set, pauses = issuer.key_set, [keys._pause()]  # before the first fetch
    for answer, now in ((b"", 0), (good_set, 0), (b"", 0), (b"", 86401)):
        issuer.key_set = answer
        clock.now += now
        keys.refresh()
        pauses.append(keys._pause())
    assert pauses == [0, RETRY, 300, 30, RETRY]


def test_still_serves_after_the_soft_time_while_the_issuer_is_down(
    keys: IssuerKeys, issuer: Any, clock: Any
) -> None:
    keys.refresh()
    issuer.key_set = b""
    clock.now += 86400
    assert keys.find("rsa") is not None


def test_does_not_trust_a_set_beyond_the_hard_time(keys: IssuerKeys, issuer: Any, clock: Any) -> None:
    keys.refresh()
    issuer.key_set = b""
    clock.now += 86401
    with pytest.raises(UnavailableError):
        keys.find("rsa")


def test_fetches_a_new_key_at_its_first_token_and_then_waits_for_the_cooldown(
    keys: IssuerKeys, issuer: Any, clock: Any
) -> None:
    keys.refresh()
    issuer.key_set["keys"].append(issuer.jwk("rsa", kid="new"))
    assert keys.find("new") is not None
    assert [keys.find(f"unknown-{number}") for number in range(100)] == [None] * 100
    assert len(issuer.requests) == 2
    clock.now += 30
    assert keys.find("unknown") is None
    assert len(issuer.requests) == 3


def test_requests_that_wait_share_one_fetch_and_others_do_not_wait(issuer: Any) -> None:
    keys = IssuerKeys(partial(fetch_key_set, issuer.url, issuer.jwks_uri, call), max_wait=10)
    keys.refresh()
    asked, answer, found = threading.Event(), threading.Event(), Queue[Any]()
    new_set = {"keys": [*issuer.key_set["keys"], issuer.jwk("rsa", kid="new")]}

    def slow(_: Request) -> Response:
        asked.set()
        answer.wait(20)
        return Response(json.dumps(new_set))

    issuer.key_set = slow
    for _ in range(8):
        threading.Thread(target=lambda: found.put(keys.find("new")), daemon=True).start()
    assert asked.wait(20)
    assert keys.find("rsa") is not None
    assert found.empty()
    answer.set()
    assert [found.get(timeout=20).key_id for _ in range(8)] == ["new"] * 8
    assert len(issuer.requests) == 2


class Waits(threading.Condition):
    """A condition that keeps how long its callers would wait, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """Wait."""
        self.waits.append(timeout)
        return super().wait_for(predicate, timeout)


def test_limits_how_long_a_request_waits_for_a_slow_fetch(issuer: Any) -> None:
    keys = IssuerKeys(partial(fetch_key_set, issuer.url, issuer.jwks_uri, call), max_wait=0.01)
    keys._changed = changed = Waits()
    keys.refresh()
    answer = threading.Event()
    issuer.key_set = lambda _: Response(str(answer.wait(20)))
    for _ in range(2):  # the second call comes after the longest wait for this fetch
        with pytest.raises(UnavailableError, match=r"^the key set is still being fetched$"):
            keys.find("unknown")
    assert keys.find("rsa") is not None
    answer.set()
    assert changed.waits == [pytest.approx(0.01, abs=0.01), 0]


def test_a_request_that_comes_before_the_fetch_for_another_has_begun_waits_too(issuer: Any) -> None:
    keys = IssuerKeys(lambda: issuer.key_set, max_wait=0.01)
    keys.refresh()
    keys._thread = threading.main_thread()  # so that no thread fetches
    for _ in range(2):
        with pytest.raises(UnavailableError, match="still being fetched"):
            keys.find("unknown")


@pytest.mark.requirement("RFC 9110 10.2.3 Retry-After")
def test_answers_503_without_a_challenge_until_the_issuer_is_there(
    app: Any, issuer: Any, bearer: Callable[..., dict[str, str]]
) -> None:
    good_set, issuer.key_set = issuer.key_set, {"keys": []}
    app.extensions["keys"].refresh()
    client: FlaskClient = app.test_client()
    response = client.get("/timesheets", headers=bearer())
    assert (response.status_code, response.json) == (503, UNAVAILABLE)
    assert (response.headers["Retry-After"], response.headers.get("WWW-Authenticate")) == ("2", None)
    reason = "there is no usable key set of the issuer"
    assert client.get("/readyz").json == {"status": "not ready", "reason": reason}
    issuer.key_set = good_set
    app.extensions["keys"].refresh()
    assert client.get("/timesheets", headers=bearer()).status_code == 200


def test_finds_a_key_whose_fetch_ends_between_two_looks(issuer: Any) -> None:
    here = threading.get_ident()
    looks: list[str] = ["none is counted yet"] * 9

    def clock() -> float:
        if threading.get_ident() == here:
            looks.append("at the clock")
            if len(looks) == 3:  # twice in `usable`, and then to see whether the cooldown lasts
                issuer_keys.refresh()
        return 0

    # The last one may be fetched again: the thread lives on, and renews the set after five minutes.
    key_sets = chain([{"keys": [issuer.jwk("ec")]}] * 2, repeat(issuer.key_set))
    issuer_keys = IssuerKeys(lambda: next(key_sets), clock=clock, max_wait=10)
    issuer_keys.refresh()
    assert issuer_keys.find("rsa") is None
    looks.clear()
    assert issuer_keys.find("rsa") is not None
