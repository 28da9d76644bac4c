"""Two workers under gunicorn, and an issuer that rotates its keys, is slow, fails, or is down.

Each worker has keys of its own, so fetches are counted at the issuer.
"""

import os
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

pytestmark = pytest.mark.long
READS = 40  # each on a new connection: all reach the same worker with a probability of 1 in 2**39


@pytest.fixture
def fetches(issuer: Any) -> Callable[[], int]:
    """Return a function that counts the fetches of the key set so far."""
    return lambda: issuer.requests.count("/jwks")


@pytest.fixture
def both_ready(
    start_workers: Callable[..., Any], fetches: Callable[[], int], eventually: Any
) -> Callable[..., Any]:
    """Return a function that starts the workers and waits until each has the keys."""

    def start(**environ: str) -> Any:
        workers = start_workers(**environ)
        eventually(lambda: fetches() >= 2)
        eventually(lambda: all(workers.status(path="/readyz") == 200 for _ in range(READS)))
        return workers

    return start


def statuses(workers: Any, tokens: list[str]) -> set[int]:
    """Return every status that reads with these tokens get, eight at a time."""
    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(workers.status, tokens))


def test_each_worker_fetches_once_and_verifies_by_itself(
    both_ready: Callable[..., Any], issuer: Any, fetches: Callable[[], int]
) -> None:
    workers = both_ready()
    tokens = [issuer.token(jti=str(number)) for number in range(READS)]
    assert statuses(workers, tokens) == {200}
    assert fetches() == 2


def test_a_new_key_costs_each_worker_one_fetch(
    both_ready: Callable[..., Any], issuer: Any, fetches: Callable[[], int], eventually: Any
) -> None:
    workers = both_ready()
    issuer.private["new"] = issuer.private["rsa"]
    issuer.key_set = {"keys": [*issuer.key_set["keys"], issuer.jwk("new")]}
    token = issuer.token({"kid": "new"})
    eventually(lambda: statuses(workers, [token] * READS) == {200})
    assert fetches() == 4


def test_a_flood_of_unknown_kids_costs_each_worker_one_fetch(
    both_ready: Callable[..., Any], issuer: Any, fetches: Callable[[], int], eventually: Any
) -> None:
    workers = both_ready()
    flood = [issuer.token({"kid": f"unknown-{number}"}) for number in range(200)]
    eventually(lambda: statuses(workers, flood) == {401})
    assert fetches() == 4
    assert statuses(workers, [issuer.token()] * READS) == {200}


def test_a_flood_at_a_slow_issuer_holds_no_thread_for_long(
    both_ready: Callable[..., Any], issuer: Any, fetches: Callable[[], int]
) -> None:
    workers = both_ready()
    answer = threading.Event()
    issuer.key_set = lambda _: Response(str(answer.wait(20)))
    flood = [issuer.token({"kid": f"unknown-{number}"}) for number in range(24)]
    assert 503 in statuses(workers, flood)  # they do not wait for the fetches, which take three seconds
    assert statuses(workers, [issuer.token()] * READS) == {200}
    answer.set()
    assert fetches() == 4


def test_still_serves_while_the_issuer_answers_garbage(
    both_ready: Callable[..., Any], issuer: Any, fetches: Callable[[], int], eventually: Any
) -> None:
    workers = both_ready(JWKS_TTL="1")
    before, issuer.key_set = fetches(), b"<html>"
    eventually(lambda: fetches() >= before + 4)
    assert statuses(workers, [issuer.token()] * READS) == {200}


def test_stops_at_the_hard_time_of_an_outage_and_recovers_by_itself(
    both_ready: Callable[..., Any], issuer: Any, eventually: Any
) -> None:
    workers = both_ready(JWKS_TTL="1", JWKS_HARD_TTL="2")
    token = issuer.token()
    issuer.close()
    eventually(lambda: statuses(workers, [token] * READS) == {503})
    assert [workers.status(path=path) for path in ("/healthz", "/readyz")] == [200, 503]
    issuer.listen(issuer.server.server_port)
    eventually(lambda: statuses(workers, [token] * READS) == {200})


def test_starts_without_its_issuer_and_is_ready_once_that_answers(
    start_workers: Callable[..., Any], issuer: Any, eventually: Any
) -> None:
    good_set, issuer.key_set = issuer.key_set, b""
    workers = start_workers()
    token = issuer.token()
    eventually(lambda: workers.status(path="/healthz") == 200)
    assert statuses(workers, [token] * READS) == {503}
    issuer.key_set = good_set
    eventually(lambda: statuses(workers, [token] * READS) == {200})


@pytest.fixture
def both_ready_with_a_file(both_ready: Callable[..., Any], eventually: Any, tmp_path: Path) -> Any:
    """Return workers that have kept the key set in a file."""
    workers = both_ready(JWKS_FILE=str(tmp_path / "jwks.json"))
    eventually((tmp_path / "jwks.json").exists)
    return workers


@pytest.mark.parametrize("hangs", [False, True], ids=["it refuses connections", "it answers nothing"])
def test_restarted_workers_serve_every_good_request_although_the_issuer_is_down(
    both_ready_with_a_file: Any,
    start_workers: Callable[..., Any],
    issuer: Any,
    tmp_path: Path,
    *,
    hangs: bool,
) -> None:
    tokens = [issuer.token(jti=str(number)) for number in range(READS)]
    both_ready_with_a_file.stop()
    answer = threading.Event()
    if hangs:
        issuer.key_set = lambda _: Response(str(answer.wait(20)))
    else:
        issuer.close()
    workers = start_workers(JWKS_FILE=str(tmp_path / "jwks.json"))
    assert statuses(workers, tokens) == {200}
    assert {workers.status(path="/readyz") for _ in range(READS)} == {200}
    assert statuses(workers, [issuer.token({"kid": "unknown"})] * 8) <= {401, 503}
    answer.set()


def test_a_worker_that_is_replaced_while_the_issuer_is_down_serves_as_the_other_one_does(
    both_ready_with_a_file: Any, issuer: Any, eventually: Any
) -> None:
    workers = both_ready_with_a_file
    issuer.close()
    [first, _] = re.findall(rb"Booting worker with pid: ([0-9]+)", workers.log.read_bytes())
    os.kill(int(first), signal.SIGKILL)
    eventually(lambda: workers.log.read_bytes().count(b"Booting worker") == 3)
    eventually(lambda: b"key set taken from its file" in workers.log.read_bytes())
    tokens = [issuer.token(jti=str(number)) for number in range(READS)]
    assert statuses(workers, tokens) == {200}


def test_restarted_workers_refuse_a_key_that_was_withdrawn_meanwhile(
    both_ready_with_a_file: Any,
    start_workers: Callable[..., Any],
    issuer: Any,
    tmp_path: Path,
    eventually: Any,
) -> None:
    token = issuer.token()
    both_ready_with_a_file.stop()
    issuer.key_set = {"keys": [issuer.jwk("ec")]}
    workers = start_workers(JWKS_FILE=str(tmp_path / "jwks.json"))
    eventually(lambda: statuses(workers, [token] * READS) == {401})
    workers.stop()
    issuer.close()
    workers = start_workers(JWKS_FILE=str(tmp_path / "jwks.json"))
    assert statuses(workers, [token] * READS) == {401}
    assert statuses(workers, [issuer.token({"kid": "ec", "alg": "ES256"})] * READS) == {200}


def test_both_workers_refuse_tokens_of_a_withdrawn_key_within_the_soft_time(
    both_ready: Callable[..., Any], issuer: Any, eventually: Any
) -> None:
    workers = both_ready(JWKS_TTL="1")
    token = issuer.token()
    assert statuses(workers, [token] * READS) == {200}
    issuer.key_set = {"keys": [issuer.jwk("ec")]}
    eventually(lambda: statuses(workers, [token] * READS) == {401})
