"""deploy/scale without one of its parts: which calls are answered, which are refused, and how soon."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from live_stack import eventually
from scale_outages import BACK, cut_off, without
from scale_stack import FORM, REPLICAS, ScaleStack

LIMIT = 100  # failed logins of a client id and an address in a minute
WRONG_AT_ONCE = 24
LONGEST_WAIT = 0.2  # seconds that a login may wait for Valkey
LONGEST_REFUSAL = 8  # seconds; for five of them, the proxy looks for a replica that is ready
AWAY = {"stopped": without, "cut off": cut_off}
NOT_COUNTED = "failed authentications are not counted"


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
    def logged() -> int:
        return scale.logs(REPLICAS["auth-server"][0]).count(NOT_COUNTED)

    url, _ = scale.urls("auth-server")
    usual = right_logins_beside_wrong_ones(scale, url)
    before = logged()
    with without(scale, "valkey", how):
        away = right_logins_beside_wrong_ones(scale, url)
        with ThreadPoolExecutor(8) as threads:
            wrong = threads.map(lambda _: login(url, f"uncounted-{how}", "x"), range(2 * LIMIT))
            assert {answer.status_code for answer in wrong} == {401}
        eventually(lambda: logged() > before or None, "a worker gives up waiting for it")
    measured(
        f"right logins beside {WRONG_AT_ONCE} wrong ones at once, median and slowest of ten: "
        f"{_ms(statistics.median(usual))} and {_ms(max(usual))}; without Valkey ({how}) "
        f"{_ms(statistics.median(away))} and {_ms(max(away))}"
    )
    second = sorted(away)[-2]  # one of ten may meet whatever else a busy machine does
    assert second < max(usual) + LONGEST_WAIT
    eventually(
        lambda: login(url, f"again-{how}", "x").status_code == 429 or None, "failures are counted again"
    )
    assert 1 <= logged() - before <= 2, "once by each worker"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


@pytest.mark.parametrize("how", AWAY)
def test_without_postgresql_calls_get_503_soon_and_nothing_is_lost(
    scale: ScaleStack, how: str, measured: Callable[[str], None]
) -> None:
    scale.run_import(resend=True)
    before = scale.timesheets()
    headers = {"Authorization": f"Bearer {scale.token('payroll-report')}"}
    token_urls = [scale.url["auth-server"], *scale.urls("auth-server")]
    api_urls = [scale.url["protected-api"], *scale.urls("protected-api")]
    with AWAY[how](scale, "postgres"):
        answers = [login(url, "nobody", "x") for url in token_urls]
        answers += [requests.get(f"{url}/timesheets", headers=headers, timeout=20) for url in api_urls]
        alive = [requests.get(f"{url}/healthz", timeout=5) for url in (token_urls[1], api_urls[1])]
    started = time.monotonic()
    scale.wait_until_ready()
    ready = time.monotonic() - started
    slowest = max(answer.elapsed.total_seconds() for answer in answers)
    measured(f"PostgreSQL {how}: 503 after at most {slowest:.1f} s; ready {ready:.1f} s after it is back")
    assert {answer.status_code for answer in answers} == {503}
    assert all("Retry-After" in answer.headers for answer in answers)
    assert slowest < LONGEST_REFUSAL
    assert {answer.status_code for answer in alive} == {200}
    assert scale.timesheets() == before
