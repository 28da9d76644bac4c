"""Failed authentications in a store that replicas share: no request waits for it, and it may be away."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from auth_server.app import create_app
from auth_server.protocol.shared_failures import (
    LONGEST_QUEUE,
    TIMEOUT,
    PasswordFile,
    SharedFailures,
    open_store,
)
from auth_server.startup import Service
from flask.testing import FlaskClient
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage
from live_stack import eventually
from valkey_server import ValkeyServer, why_no_valkey

Start = Callable[[dict[str, str]], Service]
LogLines = Callable[[], list[dict[str, Any]]]

KEY = ("job", "192.0.2.1")
NOT_COUNTED = "failed authentications are not counted"
COUNTED_AGAIN = "failed authentications are counted again"
AT_ONCE = TIMEOUT / 2  # seconds; who waits for a store that hangs waits for TIMEOUT


class Store(MemoryStorage):
    """A store that can be away, or not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.counted = 0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, unless the store is away."""
        self.open.wait()
        self.counted += 1
        if self.error:
            raise self.error
        return super().incr(key, expiry, amount)


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.open.set()


def counted(store: Store, times: int) -> None:
    eventually(lambda: store.counted >= times or None, f"{times} failures are counted")


def until_above(failures: SharedFailures) -> None:
    eventually(lambda: failures.hit(KEY) or None, "the limit is reached")


def test_the_next_failure_after_the_limit_is_above_it(store: Store) -> None:
    failures = SharedFailures(RateLimitItemPerMinute(3), lambda: store)
    for number in range(4):
        assert failures.hit(KEY) == 0
        counted(store, number + 1)
    reset = eventually(lambda: failures.hit(KEY) or None, "the thread has learnt it")
    assert 0 < reset - time.time() <= 61
    assert failures.hit(("other", KEY[1])) == 0


def test_what_was_above_the_limit_is_forgotten_with_its_minute(store: Store) -> None:
    later = 0.0
    failures = SharedFailures(RateLimitItemPerMinute(1), lambda: store, lambda: time.time() + later)
    until_above(failures)
    later = 61.0
    other = ("other", KEY[1])

    def only_the_other() -> bool | None:
        assert failures.hit(other) == 0
        return failures._above.keys() == {other} or None

    assert failures.hit(KEY) == 0
    eventually(only_the_other, "the first one is forgotten")


def test_a_store_that_does_not_answer_delays_no_failure_and_uses_no_more_memory(store: Store) -> None:
    store.open.clear()
    failures = SharedFailures(RateLimitItemPerMinute(1), lambda: store)
    started = time.monotonic()
    assert not any(failures.hit(KEY) for _ in range(10 * LONGEST_QUEUE))
    assert time.monotonic() - started < AT_ONCE
    assert failures._waiting.qsize() <= LONGEST_QUEUE


@pytest.mark.parametrize("error", [StorageError(OSError("gone")), ValueError("no such thing")])
def test_a_store_that_is_away_is_logged_once_and_once_when_it_is_back(
    store: Store, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    caplog.set_level(logging.WARNING)
    failures = SharedFailures(RateLimitItemPerMinute(100), lambda: store, pause=0)
    store.error = error
    for number in range(3):
        failures.hit(KEY)
        counted(store, number + 1)
    store.error = None
    failures.hit(KEY)
    eventually(lambda: COUNTED_AGAIN in caplog.messages or None, "it is logged")
    assert [message.partition(":")[0] for message in caplog.messages] == [NOT_COUNTED, COUNTED_AGAIN]


def test_failures_that_waited_for_a_store_that_fails_are_not_counted_later(store: Store) -> None:
    failures = SharedFailures(RateLimitItemPerMinute(100), lambda: store, pause=0)
    store.error = StorageError(OSError("gone"))
    store.open.clear()
    for _ in range(10):
        failures.hit(KEY)
    store.open.set()
    counted(store, 1)
    eventually(lambda: failures._waiting.empty() or None, "they are dropped")
    assert store.counted == 1


def test_the_password_is_read_for_each_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    password = PasswordFile(file)
    for text in ("old", "new"):
        file.write_text(f"{text}\n")
        assert password.get_credentials() == (text,)


def test_a_store_behind_tls_must_have_a_certificate_of_its_name() -> None:
    store = open_store("valkeys://valkey.example:6379?ssl_ca_certs=/ca.pem")
    options = cast(Any, store).storage.connection_pool.connection_kwargs
    assert (options["ssl_check_hostname"], options["ssl_ca_certs"]) == (True, "/ca.pem")


# From here on, with Valkey itself.


@pytest.fixture(scope="module")
def running_valkey() -> Iterator[ValkeyServer]:
    reason = why_no_valkey()
    if reason:
        pytest.skip(reason)
    server = ValkeyServer()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture
def valkey(running_valkey: ValkeyServer) -> ValkeyServer:
    running_valkey.forget()
    return running_valkey


@pytest.fixture
def server(environ: dict[str, str], start: Start, tmp_path: Path) -> Callable[[str], FlaskClient]:
    """Return a function that starts a replica, which counts in the store of a URL."""

    def started(url: str) -> FlaskClient:
        (tmp_path / "valkey-password").write_text("of-the-test\n")
        settings = {
            "FAILED_LOGINS_PER_MINUTE": "3",
            "FAILED_LOGINS_STORAGE": url,
            "FAILED_LOGINS_PASSWORD_FILE": str(tmp_path / "valkey-password"),
        }
        return create_app(start(environ | settings)).test_client()

    return started


def ask(replica: FlaskClient, secret: str) -> int:
    form = {"grant_type": "client_credentials"}
    return replica.post("/oauth/token", data=form, auth=("job", secret)).status_code


def is_limited(replica: FlaskClient) -> bool | None:
    return ask(replica, "wrong") == 429 or None


def messages(log_lines: LogLines) -> list[str]:
    named = [str(line["message"]).partition(":")[0] for line in log_lines()]
    return [message for message in named if message in {NOT_COUNTED, COUNTED_AGAIN}]


def longest_of_24_wrong_logins(replica: FlaskClient) -> float:
    """Return how long the slowest takes, in seconds."""
    times = []
    for _ in range(24):
        started = time.monotonic()
        assert ask(replica, "wrong") == 401
        times.append(time.monotonic() - started)
    return max(times)


@pytest.mark.long
def test_replicas_count_together_and_a_right_secret_is_accepted(
    valkey: ValkeyServer, server: Callable[[str], FlaskClient]
) -> None:
    first, second = server(valkey.url), server(valkey.url)
    eventually(lambda: is_limited(first), "the first replica has its 429")
    assert valkey.keys() == ["LIMITS:LIMITER/job/127.0.0.1/3/1/minute"]
    ask(second, "wrong")
    eventually(lambda: is_limited(second), "the second has it too")
    assert ask(second, "job-secret") == 200


@pytest.mark.long
@pytest.mark.parametrize("how", ["stop", "pause"])
def test_without_valkey_a_wrong_secret_is_refused_and_nobody_waits(
    valkey: ValkeyServer, server: Callable[[str], FlaskClient], log_lines: LogLines, how: str
) -> None:
    replica = server(valkey.url)
    eventually(lambda: is_limited(replica), "failures are counted")
    other = server(valkey.url)
    valkey.docker(how)
    assert longest_of_24_wrong_logins(other) < AT_ONCE
    eventually(lambda: NOT_COUNTED in messages(log_lines) or None, "it is logged")
    for _ in range(5):
        assert ask(other, "wrong") == 401
    assert messages(log_lines) == [NOT_COUNTED]
    valkey.docker({"stop": "start", "pause": "unpause"}[how])
    eventually(lambda: is_limited(other), "failures are counted again")
    assert messages(log_lines) == [NOT_COUNTED, COUNTED_AGAIN]


@pytest.mark.long
def test_a_restart_of_valkey_is_no_failure_of_a_login(
    valkey: ValkeyServer, server: Callable[[str], FlaskClient]
) -> None:
    replica = server(valkey.url)
    eventually(lambda: is_limited(replica), "failures are counted")
    valkey.docker("restart")
    other = server(valkey.url)
    eventually(lambda: is_limited(other), "failures are counted, from 0")


@pytest.mark.long
def test_a_wrong_password_is_logged_without_the_password(
    valkey: ValkeyServer, server: Callable[[str], FlaskClient], log_lines: LogLines, tmp_path: Path
) -> None:
    replica = server(valkey.url)
    (tmp_path / "valkey-password").write_text("another-one\n")
    ask(replica, "wrong")
    eventually(lambda: NOT_COUNTED in messages(log_lines) or None, "it is logged")
    assert "another-one" not in str(log_lines())
    (tmp_path / "valkey-password").write_text("of-the-test\n")
    eventually(lambda: is_limited(replica), "the right one is read")


def test_a_port_that_drops_packets_delays_nobody(
    server: Callable[[str], FlaskClient], log_lines: LogLines
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]  # more than are let in: the kernel drops a SYN then
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
        replica = server(f"valkey://127.0.0.1:{port}")
        assert longest_of_24_wrong_logins(replica) < AT_ONCE
        eventually(lambda: NOT_COUNTED in messages(log_lines) or None, "it is logged")
        for connection in waiting:
            connection.close()
