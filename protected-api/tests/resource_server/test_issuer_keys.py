"""The life of the key set: soft and hard time, the brake, one fetch for all, and what a bad issuer can do."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from queue import Queue
from typing import Any

import pytest
from flask.testing import FlaskClient
from protected_api.resource_server.access_token import UnavailableError
from protected_api.resource_server.issuer_documents import WELL_KNOWN, fetch_key_set
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.json_over_http import MAX_SIZE, TIMEOUT, call
from werkzeug.wrappers import Request, Response

UNAVAILABLE = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The token cannot be checked at present.",
}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Any, clock: Clock) -> IssuerKeys:
    return IssuerKeys(partial(fetch_key_set, issuer.url, issuer.jwks_uri, call), patience=30, clock=clock)


def test_fetches_in_the_background_at_the_start(keys: IssuerKeys, issuer: Any) -> None:
    keys.start()
    assert keys.find("rsa") is not None
    assert issuer.requests == ["/jwks"]


def test_starts_by_itself_at_the_first_use(keys: IssuerKeys, issuer: Any) -> None:
    assert set(keys.usable()) == {"rsa", "ec", "ed"}
    assert issuer.requests == ["/jwks"]


def test_finds_the_set_through_the_metadata_of_the_issuer(issuer: Any) -> None:
    keys = IssuerKeys(partial(fetch_key_set, issuer.url, None, call))
    keys.refresh()
    assert set(keys.usable()) == {"rsa", "ec", "ed"}
    assert issuer.requests == ["/.well-known/oauth-authorization-server", "/jwks"]


def test_looks_for_the_metadata_between_the_host_and_the_path_of_the_issuer(issuer: Any) -> None:
    issuer.metadata["issuer"] = f"{issuer.url}/tenant/"
    assert fetch_key_set(f"{issuer.url}/tenant/", None, call) == issuer.key_set
    assert issuer.requests == ["/.well-known/oauth-authorization-server/tenant", "/jwks"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": "http://other.example"}, "the metadata is of another issuer"),
        ({"issuer": None}, "the metadata is of another issuer"),
        ({"jwks_uri": None}, "the metadata names no usable jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "the metadata names no usable jwks_uri"),
    ],
)
def test_refuses_metadata_that_is_not_the_issuers(issuer: Any, changes: dict[str, Any], reason: str) -> None:
    issuer.metadata |= changes
    with pytest.raises(ValueError, match=reason):
        fetch_key_set(issuer.url, None, call)


@pytest.mark.parametrize("metadata", [[], "x", None])
def test_refuses_metadata_that_is_no_object(issuer: Any, metadata: Any) -> None:
    issuer.metadata = metadata
    with pytest.raises(ValueError, match="the metadata is of another issuer"):
        fetch_key_set(issuer.url, None, call)


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
    (b" " * (MAX_SIZE + 1), f"more than {MAX_SIZE} bytes"),
    (redirect, "HTTP status 302"),
    (lambda _: Response(status=404), "HTTP status 404"),
    (lambda _: Response(status=500), "HTTP status 500"),
    (lambda _: Response(status=204), "HTTP status 204"),
]


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


def test_believes_an_issuer_that_withdraws_every_key(keys: IssuerKeys, issuer: Any) -> None:
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


def test_serves_on_after_the_soft_time_while_the_issuer_is_down(
    keys: IssuerKeys, issuer: Any, clock: Clock
) -> None:
    keys.refresh()
    issuer.key_set = b""
    clock.now += 86400
    assert keys.find("rsa") is not None


def test_trusts_no_set_beyond_the_hard_time(keys: IssuerKeys, issuer: Any, clock: Clock) -> None:
    keys.refresh()
    issuer.key_set = b""
    clock.now += 86401
    with pytest.raises(UnavailableError):
        keys.find("rsa")


def test_finds_a_new_key_at_its_first_token_and_brakes_after(
    keys: IssuerKeys, issuer: Any, clock: Clock
) -> None:
    keys.refresh()
    issuer.key_set["keys"].append(issuer.jwk("rsa", kid="new"))
    assert keys.find("new") is not None
    assert [keys.find(f"unknown-{number}") for number in range(100)] == [None] * 100
    assert len(issuer.requests) == 2
    clock.now += 30
    assert keys.find("unknown") is None
    assert len(issuer.requests) == 3


def test_shares_one_fetch_among_all_who_wait_while_the_others_go_on(issuer: Any) -> None:
    keys = IssuerKeys(partial(fetch_key_set, issuer.url, issuer.jwks_uri, call), patience=30)
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


def test_lets_nobody_wait_long_for_a_slow_fetch(issuer: Any) -> None:
    keys = IssuerKeys(partial(fetch_key_set, issuer.url, issuer.jwks_uri, call), patience=0.01)
    keys.refresh()
    answer = threading.Event()
    issuer.key_set = lambda _: Response(str(answer.wait(20)))
    for _ in range(2):  # the second asks when the patience with this fetch has run out
        with pytest.raises(UnavailableError, match="the key set is still being fetched"):
            keys.find("unknown")
    assert keys.find("rsa") is not None
    answer.set()


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


@pytest.fixture(params=["silent", "dripping"])
def slow_issuer(request: pytest.FixtureRequest) -> Iterator[str]:
    """Be an issuer that answers nothing, or for a minute a byte of a header now and then."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(6000):
                    over.wait(0.01)
                    connection.sendall(b"y")

        if request.param == "dripping":
            threading.Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()


def test_ends_a_call_at_its_deadline_whatever_the_server_does(slow_issuer: str) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="no whole answer in 3 s"):
        call("GET", slow_issuer, began + 0.2)
    assert time.monotonic() < began + 10


def test_gives_metadata_and_key_set_three_seconds_together() -> None:
    calls: list[tuple[str, float]] = []

    def answer(_: str, url: str, deadline: float) -> dict[str, str]:
        calls.append((url, deadline))
        return {"issuer": "http://as.example", "jwks_uri": "http://as.example/jwks"}

    began = time.monotonic()
    fetch_key_set("http://as.example", None, answer)
    (metadata, first), (key_set, second) = calls
    assert (metadata, key_set) == (f"http://as.example{WELL_KNOWN}", "http://as.example/jwks")
    assert began + TIMEOUT <= first == second <= time.monotonic() + TIMEOUT
    assert TIMEOUT == 3


def test_does_not_reach_an_issuer_that_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        fetch_key_set("http://unused.example", f"http://127.0.0.1:{port}/jwks", call)
