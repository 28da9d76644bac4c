"""No service resets a connection when it is reloaded (HUP) or stopped (TERM); under granian, hardly any.

Three kinds of clients, none of which sends a call again: one with a new connection for each call, one that
keeps its connection busy, and one that calls every 2.5 s, longer than gunicorn keeps a connection open.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_stack import SERVICES, Stack, eventually
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

pytestmark = pytest.mark.long
PAUSES = {"new": 0.0, "busy": 0.0, "rare": 2.5}
CLIENTS = ["new", "new", "new", "busy", "busy", *["rare"] * 10]
RELOADS = 3


class Load:
    """What the clients saw: calls answered, calls that were refused a connection, and calls that failed."""

    def __init__(self, port: int) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self.failures: list[str] = []
        self._port = port
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clients call during the block."""
        threads = [threading.Thread(target=self._call, args=(kind,)) for kind in CLIENTS]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _call(self, kind: str) -> None:
        with HTTPConnectionPool("127.0.0.1", self._port, timeout=10) as pool:
            while not self._stop.wait(PAUSES[kind]):
                self.seen[kind, self._outcome(kind, pool)] += 1

    def _outcome(self, kind: str, pool: HTTPConnectionPool) -> str:
        headers = {"Connection": "close"} if kind == "new" else {}
        try:
            answer = pool.urlopen("GET", "/healthz", headers=headers, retries=False)
        except NewConnectionError:
            self._stop.wait(0.01)
            return "refused"
        except HTTPError as error:
            self.failures.append(f"{kind}: {error!r}")
            return "failed"
        assert answer.status == 200
        return "answered"

    @property
    def answered(self) -> int:
        """Return how many calls were answered."""
        return sum(self.seen[kind, "answered"] for kind in PAUSES)

    def line(self) -> str:
        """Return the counts of each kind of client."""
        counts = [f"{kind} {self.seen[kind, 'answered']}" for kind in PAUSES]
        refused = sum(self.seen[kind, "refused"] for kind in PAUSES)
        return f"calls answered: {', '.join(counts)}; refused {refused}, failed {len(self.failures)}"


def server(stack: Stack) -> str:
    return stack.environment.get("SERVER") or "gunicorn"


def check_failures(stack: Stack, load: Load) -> None:
    """Fail if a call failed; granian drops calls that are on their way to a worker that stops."""
    if server(stack) == "granian":
        assert len(load.failures) < load.answered / 100
    else:
        assert load.failures == []


def children(master: int) -> set[str]:
    return set(Path(f"/proc/{master}/task/{master}/children").read_text().split())


def reload(stack: Stack, service: str) -> None:
    """Reload a service, and return once it has other workers, and those alone."""
    master = stack.master(service)
    before = children(master)
    os.kill(master, signal.SIGHUP)

    def replaced() -> bool | None:
        now = children(master)
        return (len(now) == len(before) and not now & before) or None

    eventually(replaced, "other workers serve")


@pytest.fixture(params=["gunicorn", "granian"])
def served(request: pytest.FixtureRequest) -> Stack:
    """Return a running stack of local processes, with each of the servers."""
    stack: Stack = request.getfixturevalue({"gunicorn": "stack", "granian": "fast_stack"}[request.param])
    if stack.environment["RUNTIME"] != "local":
        pytest.skip("Docker's proxy connects in the service's place")
    return stack


@pytest.mark.parametrize("service", SERVICES)
def test_a_reload_drops_no_call(served: Stack, service: str, measured: Callable[[str], None]) -> None:
    load = Load(served.ports[service])
    with load.running():
        for _ in range(RELOADS):
            reload(served, service)
            time.sleep(1)  # of ordinary calls
    measured(f"{RELOADS} reloads of {service} under {server(served)}: {load.line()}")
    check_failures(served, load)


@pytest.mark.parametrize("service", SERVICES)
def test_a_stop_drops_no_call_that_it_accepted(
    served: Stack, service: str, measured: Callable[[str], None]
) -> None:
    load = Load(served.ports[service])
    with load.running():
        time.sleep(3)  # of ordinary calls, so that each client has called
        served.stop(service)
    served.start(service)
    served.wait_until_ready()
    measured(f"a stop of {service} under {server(served)}: {load.line()}")
    check_failures(served, load)
