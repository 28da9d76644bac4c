"""Time requests to two databases by turns: elapsed time, because PostgreSQL works in processes of its own."""

import itertools
import statistics
import sys
import time
from collections.abc import Iterator

from bench.app_alone import Call

ROUNDS = 9


def print_heading(of: str) -> None:
    """Print what follows."""
    print(f"{of}: one process, medians of {ROUNDS} rounds, milliseconds", file=sys.stderr)
    print(f"{'':<46} {'SQLite':>10} {'PostgreSQL':>10} {'ratio':>8}", file=sys.stderr)


def compare(name: str, requests: list[Iterator[Call]], calls: int) -> None:
    """Print the median time of a request to each database, and the median of the rounds' ratios."""
    rounds = [[_milliseconds(sends, calls) for sends in requests] for _ in range(ROUNDS + 1)][1:]
    medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
    ratio = statistics.median(postgresql / sqlite for sqlite, postgresql in rounds)
    print(f"{name:<46} {medians[0]:>10.2f} {medians[1]:>10.2f} {ratio:>8.2f}", file=sys.stderr, flush=True)


def _milliseconds(sends: Iterator[Call], calls: int) -> float:
    taken = list(itertools.islice(sends, calls))
    began = time.perf_counter()
    for send in taken:
        send()
    return (time.perf_counter() - began) / calls * 1e3
