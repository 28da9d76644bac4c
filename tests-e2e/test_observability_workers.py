"""Telemetry in several workers of gunicorn and of granian, as local processes, while a collector hangs."""

import http.client
import os
import random
import re
import shutil
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from live_stack import NO_ANSWER, SERVICES, Stack, eventually, four_threads, free_ports

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.environ.get("RUNTIME") != "local", reason="kills processes"),
]
ANCHORS = {"auth-server": "DATABASE_URL:", "protected-api": "DATABASE_FILE:", "calling-service": "STATE_DIR:"}
HOSTILE_REQUESTS = 10_000
MOST_SERIES = 400  # of one service
MIB = 2**20


class Observed:
    """A local stack with telemetry in its workers, as the overlay's image has it."""

    def __init__(self, stack: Stack, server: str, folder: Path, collector: int) -> None:
        self.stack = stack
        self.folder = folder
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        overlay = stack.folder / "deploy/observability"
        for service in SERVICES:
            conf = stack.folder / service / "gunicorn.conf.py"
            conf.rename(conf.with_name("service.conf.py"))
            shutil.copy(overlay / "gunicorn.conf.py", conf)
            (folder / service).mkdir()
            settings = {
                "OTEL_SERVICE_NAME": service,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}",
                "PROMETHEUS_MULTIPROC_DIR": f"{folder}/{service}",
                "METRICS_PORT": f'"{self.ports[service]}"',
                "PYTHONPATH": "/deploy/observability",
            }
            lines = "".join(f"{name}: {value}\n      " for name, value in settings.items())
            stack.edit("docker-compose.yml", ANCHORS[service], lines + ANCHORS[service])
        stack.environment["SERVER"] = server
        stack.make("up")

    def page(self, service: str) -> str:
        """Return what a scrape gets, by a worker that is not being killed just now."""

        def answer() -> str | None:
            with suppress(*NO_ANSWER):
                return requests.get(f"http://127.0.0.1:{self.ports[service]}/metrics", timeout=10).text
            return None

        return eventually(answer, "a worker answers the scrape")

    def value(self, series: str, service: str = "auth-server") -> float:
        """Return the sum of the series that begin so."""
        return sum(
            map(float, re.findall(rf"^{re.escape(series)}.* (\S+)$", self.page(service), re.MULTILINE))
        )

    def workers(self, service: str = "auth-server") -> list[int]:
        """Return the process ids of a service's workers."""
        master = self.stack.master(service)
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    def memory(self) -> int:
        """Return the resident bytes of the workers of the authorization server."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.workers()]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def hanging_collector() -> Iterator[int]:
    """Return the port of a server that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module", params=["gunicorn", "granian"])
def observed(
    request: pytest.FixtureRequest,
    new_stack: Callable[[], Stack],
    hanging_collector: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Observed]:
    stack = new_stack()
    yield Observed(stack, request.param, tmp_path_factory.mktemp("metrics"), hanging_collector)
    stack.drop()


ISSUED = 'oauth_tokens_issued_total{auth_method="client_secret_basic"'


def test_scrapes_under_load_see_every_request_once_and_no_count_falls(observed: Observed) -> None:
    before = observed.value(ISSUED)
    seen = [before]
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(observed.stack.token, "payroll-report") for _ in range(400)]
        while not all(each.done() for each in asked):
            seen.append(observed.value(ISSUED))
    for each in asked:
        each.result()
    assert observed.value(ISSUED) == before + 400
    assert seen == sorted(seen)
    assert observed.value("service_workers") == 2


def test_a_worker_that_is_killed_under_load_takes_no_count_with_it(observed: Observed) -> None:
    def ask() -> None:
        with suppress(*NO_ANSWER):  # of the worker that dies
            observed.stack.ask_for_token("payroll-report", audience=observed.stack.timesheets_api)

    seen = []
    with four_threads(ask):
        for _ in range(3):
            victims = observed.workers()
            os.kill(victims[0], signal.SIGKILL)
            eventually(lambda victims=victims: _replaced(observed, victims), "the worker is replaced")  # type: ignore[misc]
            seen += [observed.value(ISSUED) for _ in range(5)]
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]
    eventually(lambda: observed.value("service_workers") == 2 or None, "two workers are counted")
    assert len(list(observed.folder.glob("auth-server/*.lock"))) <= 3  # files are taken over


def _replaced(observed: Observed, before: list[int]) -> bool | None:
    now = observed.workers()
    return True if len(now) == 2 and before[0] not in now else None


def hostile_request(chance: random.Random) -> tuple[str, str, dict[str, str], bytes]:
    """Return method, target, headers and body in which everything that a client chooses is new."""
    word = f"{chance.getrandbits(64):x}"
    target = chance.choice(
        ["/oauth/token", "/oauth/introspect", "/.well-known/jwks.json", f"/{word}", "/metrics"]
    )
    method = chance.choice(["GET", "POST", "PUT", "OPTIONS", word.upper()])
    headers = {
        "Content-Type": chance.choice(["application/x-www-form-urlencoded", "application/json", word]),
        "traceparent": chance.choice([f"00-{chance.getrandbits(128) | 1:032x}-{word:0>16}-01", word]),
        "User-Agent": word,
    }
    form = f"grant_type={chance.choice(['client_credentials', word])}&client_id={word}&client_secret={word}"
    form += f"&audience=https://{word}.example&scope={word}&{word}={word}"
    return method, f"{target}?{word}={word}", headers, form.encode()


def send_hostile(port: int, count: int, seed: int) -> None:
    """Send requests on one connection, which is opened again when the server has closed it."""
    chance = random.Random(seed)  # noqa: S311  (the same requests each time)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(count):
        method, target, headers, body = hostile_request(chance)
        try:
            connection.request(method, target, body, headers)
            status = connection.getresponse()
            status.read()
        except (http.client.HTTPException, OSError):
            connection.close()
            continue
        assert status.status < 500, (method, target, status.status)
    connection.close()


def test_hostile_requests_make_no_new_series_and_fill_no_memory(observed: Observed) -> None:
    port = observed.stack.ports["auth-server"]
    send_hostile(port, 500, seed=1)
    series = observed.page("auth-server").count("\n")
    memory = observed.memory()
    with ThreadPoolExecutor(4) as threads:
        sent = [threads.submit(send_hostile, port, HOSTILE_REQUESTS // 4, seed) for seed in (2, 3, 4, 5)]
    for each in sent:
        each.result()
    assert observed.page("auth-server").count("\n") <= series + 20  # a rare status of a known route
    assert observed.page("auth-server").count("\n") < MOST_SERIES
    assert observed.memory() < memory + 60 * MIB


def test_no_request_waits_for_a_collector_that_hangs(observed: Observed) -> None:
    seconds = []
    for _ in range(200):
        began = time.perf_counter()
        observed.stack.token("payroll-report")
        seconds.append(time.perf_counter() - began)
    assert statistics.median(seconds) < 0.2
    assert max(seconds) < 3


def test_a_stop_does_not_wait_for_a_collector_that_hangs(observed: Observed) -> None:
    began = time.perf_counter()
    observed.stack.stop("auth-server")
    assert time.perf_counter() - began < 10
    observed.stack.start("auth-server")
    eventually(lambda: observed.value("service_workers") == 2 or None, "both workers are counted again")
