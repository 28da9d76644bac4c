"""Measure the stack beside bare Flask: `make bench`. One run gives all figures; compare ratios, not rates.

The services run as local processes with the options of docker-compose.yml. On two cores or more, they are
pinned to one core and the load generator to another. Every round measures every target, so that a noisy
machine affects all of them; a ratio is the median of the rounds' ratios. Not measured: TLS, a network, other
databases.
"""

import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml
from live_stack import Stack, free_ports

from bench import load, processes, reads, refusals, stages, token_requests
from bench.load import http

ROUNDS = 5
REQUESTS = 2000  # in a round
COLUMNS = "{:<46} {:>8} {:>8} {:>10} {:>12}"


@dataclass(slots=True)
class Target:
    """One thing to measure: a port, its master process, and the requests to send."""

    name: str
    port: int
    master: int
    requests: Callable[[int], Iterator[bytes]]
    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    def measure(self, count: int = REQUESTS) -> None:
        """Measure once and keep the figures."""
        requests = self.requests(count)
        before = processes.cpu_seconds(self.master)
        result = load.run(self.port, requests, count=count)
        self.cpus.append((processes.cpu_seconds(self.master) - before) / count)
        self.rates.append(result.rate)
        self.p99s.append(result.percentile(99))


def fresh_reads(stack: Stack) -> Callable[[int], Iterator[bytes]]:
    """Return reads, each with a token that no worker has seen."""
    return lambda count: iter([reads.read(stack.token("payroll-report")) for _ in range(count)])


def repeat(request: bytes) -> Callable[[int], Iterator[bytes]]:
    """Return an endless repetition of one request."""
    return lambda _: itertools.repeat(request)


@contextmanager
def bare_flask(stack: Stack) -> Iterator[tuple[int, int]]:
    """Run bench.bare with the authorization server's gunicorn options; yield its port and process id."""
    (port,) = free_ports(1)
    compose = yaml.safe_load((stack.folder / "docker-compose.yml").read_text())
    options = compose["services"]["auth-server"]["environment"]["GUNICORN_CMD_ARGS"]
    environment = {
        **stack.environment,
        "GUNICORN_CMD_ARGS": options.replace("0.0.0.0:9000", f"127.0.0.1:{port}"),
    }
    command = [sys.executable, "-m", "gunicorn", "bench.bare:app"]
    with subprocess.Popen(command, cwd=stack.folder, env=environment, stderr=subprocess.DEVNULL) as master:
        try:
            stack.wait_until_answers(f"http://127.0.0.1:{port}/")
            yield port, master.pid
        finally:
            master.terminate()


def targets(stack: Stack, bare: tuple[int, int], unguarded: tuple[int, int]) -> list[Target]:
    """Return the targets; the others are compared with the first."""
    auth = stack.ports["auth-server"]
    auth_master = stack.master("auth-server")
    api = stack.ports["protected-api"]
    api_master = stack.master("protected-api")
    remembered = reads.read(stack.token("payroll-report"))
    issue = "POST /oauth/token"
    assertions = partial(token_requests.with_assertions, stack)
    return [
        Target("bare Flask", *bare, repeat(http("GET", "/", {}))),
        *(
            Target(f"{issue}, {alg}", auth, auth_master, repeat(token_requests.with_basic(stack, audience)))
            for alg, audience in token_requests.audiences(stack).items()
        ),
        Target(
            f"{issue}, RS256, client_secret_post",
            auth,
            auth_master,
            repeat(token_requests.with_post(stack, stack.timesheets_api)),
        ),
        Target(f"{issue}, RS256, private_key_jwt ES256", auth, auth_master, assertions),
        Target("POST /oauth/introspect", auth, auth_master, repeat(token_requests.introspection(stack))),
        Target("GET /timesheets?limit=1, each token new", api, api_master, fresh_reads(stack)),
        Target("GET /timesheets?limit=1, token remembered", api, api_master, repeat(remembered)),
        Target("GET /timesheets?limit=1, no check", *unguarded, repeat(remembered)),
    ]


def report(measured: Sequence[Target], stack: Stack) -> None:
    """Print the medians, and the median of each target's ratio to the first."""
    baseline = measured[0]
    print(f"CPython {platform.python_version()}, {ROUNDS} rounds of {REQUESTS} requests, medians")
    print(COLUMNS.format("", "per s", "p99 ms", "CPU ms", "ratio to bare"))
    for target in measured:
        ratio = statistics.median(a / b for a, b in zip(target.rates, baseline.rates, strict=True))
        rate = statistics.median(target.rates)
        p99 = statistics.median(target.p99s) * 1e3
        cpu = statistics.median(target.cpus) * 1e3
        print(COLUMNS.format(target.name, f"{rate:.0f}", f"{p99:.1f}", f"{cpu:.2f}", f"{ratio:.2f}"))
    for service in stack.ports:
        sizes = processes.pss_mib(stack.master(service))
        print(f"{service}: PSS of a worker {max(sizes):.1f} MiB")


def pin(core: int) -> None:
    """Pin this process, and what it starts from now on, to one core, if there are several."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def main() -> None:
    """Start everything, measure in rounds, print, stop everything."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            pin(0)
            stack.environment["EXPLAIN"] = "0"
            refusals.prepare(stack)
            token_requests.prepare(stack)
            stack.make("up")
            with bare_flask(stack) as bare, reads.unguarded(stack) as unguarded:
                pin(1)
                measured = targets(stack, bare, unguarded)
                for target in measured * ROUNDS:
                    target.measure()
                report(measured, stack)
                reads.measure(stack, unguarded[0])
                refusals.measure(stack)
                stages.measure(stack)
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
