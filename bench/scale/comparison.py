"""Compare the CPU time of the same work on the small database and on the large one."""

import itertools
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

from bench.in_process import Call

ROUNDS = 9
CALLS = 20  # in a round
SCALE = float(os.environ.get("SCALE", "1"))
SMALL = {"clients": 10_000, "tokens": 10_000, "timesheets": 10_000}
FULL = {"clients": 100_000, "tokens": 1_000_000, "timesheets": 5_000_000}
SIZES = {"small": SMALL, "large": {name: max(SMALL[name], int(rows * SCALE)) for name, rows in FULL.items()}}
Requests = Iterator[Call]
Environments = dict[str, dict[str, str]]  # by size


def say(text: str) -> None:
    """Print to standard error: the log of the service is on standard output."""
    print(text, file=sys.stderr, flush=True)


def compare(name: str, requests: Iterable[Requests], calls: int = CALLS) -> None:
    """Print the median CPU time of a request to each database, and the median of the rounds' ratios."""
    small, large = requests
    pairs = [(_cpu_seconds(small, calls), _cpu_seconds(large, calls)) for _ in range(ROUNDS + 1)][1:]
    of_small, of_large = (statistics.median(times) * 1e6 for times in zip(*pairs, strict=True))
    ratio = statistics.median(second / first for first, second in pairs)
    say(f"{name:<62} {of_small:>8.0f} {of_large:>8.0f} {ratio:>6.2f}")


def _cpu_seconds(requests: Requests, calls: int) -> float:
    sends = list(itertools.islice(requests, calls))
    began = time.process_time()
    for send in sends:
        send()
    return (time.process_time() - began) / calls


def compare_programs(name: str, command: list[str], environments: Environments) -> None:
    """Print the CPU seconds of a program in each environment."""
    small, large = (_program_seconds(command, environment) for environment in environments.values())
    say(f"{name:<62} {small:>6.2f} s {large:>6.2f} s {large / small:>6.2f}")


def _program_seconds(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
