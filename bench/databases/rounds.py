"""Compare what a request costs with two databases, by turns in one run.

The figure is CPU time, with that of PostgreSQL's processes, which Linux tells if they run on the same kernel.
The ratio of the elapsed times is beside it, and depends on what else the machine does.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from postgresql_server import Database

from bench.in_process import Call

ROUNDS = 9


class Cost(NamedTuple):
    """What a request took, in milliseconds; `postgres` is PostgreSQL's part."""

    service: float
    postgres: float
    elapsed: float


def print_heading(of: str) -> None:
    """Print what follows."""
    print(f"{of}: one process, medians of {ROUNDS} rounds, CPU milliseconds of a request", file=sys.stderr)
    heads = ("SQLite", "and with", "postgres", "ratio", "elapsed")
    print(f"{'':<46}", *(f"{head:>8}" for head in heads), file=sys.stderr)


def compare(name: str, requests: list[Iterator[Call]], calls: int, database: Database) -> None:
    """Print the median costs of a request to SQLite and to `database`, and the medians of the ratios."""
    rounds = [[_cost(sends, calls, database) for sends in requests] for _ in range(ROUNDS + 1)][1:]
    figures = [
        median(sqlite.service for sqlite, _ in rounds),
        median(other.service for _, other in rounds),
        median(other.postgres for _, other in rounds),
        median((other.service + other.postgres) / sqlite.service for sqlite, other in rounds),
        median(other.elapsed / sqlite.elapsed for sqlite, other in rounds),
    ]
    print(f"{name:<46}", *(f"{figure:>8.2f}" for figure in figures), file=sys.stderr, flush=True)


def _cost(sends: Iterator[Call], calls: int, database: Database) -> Cost:
    taken = list(itertools.islice(sends, calls))
    postgres_before = _postgres_milliseconds(database)
    service_before = time.process_time()
    began = time.perf_counter()
    for send in taken:
        send()
    elapsed = time.perf_counter() - began
    service = time.process_time() - service_before
    postgres = _postgres_milliseconds(database) - postgres_before
    return Cost(service / calls * 1e3, postgres / calls, elapsed / calls * 1e3)


def _postgres_milliseconds(database: Database) -> float:
    """Return the CPU time so far of the processes that serve a database; 0 if they are not to be seen."""
    total = 0
    for title in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            if f" {database.name} " in title.read_text(errors="replace"):
                total += int(title.with_name("schedstat").read_text().split()[0])
    return total / 1e6
