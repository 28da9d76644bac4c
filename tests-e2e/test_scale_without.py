"""deploy/scale without one of its parts: which calls are answered, which are refused, and how soon."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests
from live_stack import eventually
from scale_stack import FORM, REPLICAS, ScaleStack

LIMIT = 100  # failed logins of a client id and an address in a minute
WRONG_AT_ONCE = 24
LONGEST_WAIT = 0.2  # seconds that a login may wait for Valkey
BACK = {"stop": "start", "pause": "unpause"}
NOT_COUNTED = "failed authentications are not counted"


@contextmanager
def without(stack: ScaleStack, part: str, how: str = "stop") -> Iterator[None]:
    """Stop or pause a part during the block; it is healthy again at the end."""
    container = stack.container(part)
    stack.docker(how, container)
    try:
        yield
    finally:
        stack.docker(BACK[how], container)
        eventually(lambda: is_healthy(stack, part) or None, f"{part} is healthy", seconds=60)


def is_healthy(stack: ScaleStack, part: str) -> bool:
    (state,) = stack.inspected(part)
    return bool(state["State"]["Health"]["Status"] == "healthy")


def login(url: str, who: str, secret: str) -> requests.Response:
    return requests.post(f"{url}/oauth/token", FORM, auth=(who, secret), timeout=20)


def right_logins_beside_wrong_ones(stack: ScaleStack, url: str) -> list[float]:
    """Return how long ten right logins take, in seconds, each beside as many wrong ones at once."""
    secret = stack.secret("timesheets-console")
    times = []
    with ThreadPoolExecutor(WRONG_AT_ONCE) as threads:
        for number in range(10):
            wrong = [threads.submit(login, url, f"guesser-{number}", "x") for _ in range(WRONG_AT_ONCE)]
            started = time.monotonic()
            assert login(url, "timesheets-console", secret).status_code == 200
            times.append(time.monotonic() - started)
            assert {each.result().status_code for each in wrong} <= {401, 429}
    return times


@pytest.mark.parametrize("how", BACK)
def test_without_valkey_logins_are_answered_at_once_and_not_counted(
    scale: ScaleStack, how: str, measured: Callable[[str], None]
) -> None:
    url, _ = scale.urls("auth-server")
    usual = right_logins_beside_wrong_ones(scale, url)
    before = scale.logs(REPLICAS["auth-server"][0]).count(NOT_COUNTED)
    with without(scale, "valkey", how):
        away = right_logins_beside_wrong_ones(scale, url)
        with ThreadPoolExecutor(8) as threads:
            wrong = threads.map(lambda _: login(url, f"uncounted-{how}", "x"), range(2 * LIMIT))
            assert {answer.status_code for answer in wrong} == {401}
    measured(
        f"right logins beside {WRONG_AT_ONCE} wrong ones at once, median and slowest of ten: "
        f"{_ms(statistics.median(usual))} and {_ms(max(usual))}; without Valkey ({how}) "
        f"{_ms(statistics.median(away))} and {_ms(max(away))}"
    )
    assert max(away) < max(usual) + LONGEST_WAIT
    eventually(
        lambda: login(url, f"again-{how}", "x").status_code == 429 or None, "failures are counted again"
    )
    logged = scale.logs(REPLICAS["auth-server"][0]).count(NOT_COUNTED) - before
    assert 1 <= logged <= 2, "once by each worker"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def test_without_postgresql_calls_get_503_and_nothing_is_lost(scale: ScaleStack) -> None:
    scale.run_import(resend=True)
    before = scale.timesheets()
    headers = {"Authorization": f"Bearer {scale.token('payroll-report')}"}
    token_urls = [scale.url["auth-server"], *scale.urls("auth-server")]
    api_urls = [scale.url["protected-api"], *scale.urls("protected-api")]
    with without(scale, "postgres"):
        answers = [login(url, "nobody", "x") for url in token_urls]
        answers += [requests.get(f"{url}/timesheets", headers=headers, timeout=20) for url in api_urls]
        alive = [requests.get(f"{url}/healthz", timeout=5) for url in (token_urls[1], api_urls[1])]
    assert {answer.status_code for answer in answers} == {503}
    assert all("Retry-After" in answer.headers for answer in answers)
    assert {answer.status_code for answer in alive} == {200}
    scale.wait_until_ready()
    assert scale.timesheets() == before


def test_a_killed_replica_costs_no_read_and_of_tokens_only_what_it_was_answering(
    scale: ScaleStack, measured: Callable[[str], None]
) -> None:
    """Repeat a read that died with its replica, which the proxy does; a POST is its sender's to repeat."""
    headers = {"Authorization": f"Bearer {scale.token('payroll-report')}"}
    form = FORM | {"audience": scale.timesheets_api}
    credentials = scale.credentials("payroll-report")
    token_url = f"{scale.url['auth-server']}/oauth/token"
    read_url = f"{scale.url['protected-api']}/timesheets?limit=1"
    statuses = Counter[tuple[str, int]]()
    over = threading.Event()

    def call() -> None:
        with requests.Session() as session:
            while not over.is_set():
                read = session.get(read_url, headers=headers, timeout=20)
                asked = session.post(token_url, form, auth=credentials, timeout=20)
                statuses["read", read.status_code] += 1
                statuses["token", asked.status_code] += 1
                assert asked.ok or "Retry-After" in asked.headers

    with ThreadPoolExecutor(4) as threads:
        callers = [threads.submit(call) for _ in range(4)]
        try:
            for replica in (*REPLICAS["protected-api"], *REPLICAS["auth-server"]):
                scale.kill(replica, 1)
        finally:
            over.set()
        for caller in callers:
            caller.result()
    counts = ", ".join(f"{kind} {status}: {count}" for (kind, status), count in sorted(statuses.items()))
    measured(f"4 replicas killed one after the other under 4 callers: {counts}")
    assert {status for kind, status in statuses if kind == "read"} == {200}
    assert {status for kind, status in statuses if kind == "token"} <= {200, 503}


def test_a_replica_that_hangs_is_left_out(scale: ScaleStack) -> None:
    token = scale.token("payroll-report")
    with without(scale, "protected-api-b", "pause"):
        time.sleep(4)  # the proxy looks every second, and waits two for an answer
        started = time.monotonic()
        answers = [scale.api("GET", "/timesheets?limit=1", token).status_code for _ in range(20)]
        assert time.monotonic() - started < 5
    assert set(answers) == {200}
