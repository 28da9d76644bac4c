"""Print the table of the rows, the machine and the versions, and what is not equal."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from bench.peers import generator

PYTHON_PACKAGES = ("gunicorn", "granian", "Flask")
NODE_PACKAGES = ("oidc-provider", "express", "express-oauth2-jwt-bearer")
LEVEL = "{:>8} {:>7} {:>7} {:>7}"
NOT_EQUAL = """\
Not equal: ours write a line for each request (who asked, what was decided, why), keep clients, revoked
tokens and timesheets in a database, count failed authentications, run an operator's Actions and take a
trace id. The peers keep everything in memory and log nothing; node-oidc-provider emits events and stores
no token that is a JWT. Ours remembers a token that it has verified; express-oauth2-jwt-bearer verifies each
time. Both APIs answer the same page of one timesheet: ours reads it from SQLite, the peer has it in memory.
Every server has two worker processes.
Not measured: TLS, a network, other databases."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one measurement found: requests a second, and seconds; `share` of a core is the generator's."""

    rate: float
    p50: float
    p99: float
    cpu: float
    share: float


class Row(Protocol):
    """What this module prints of a row."""

    group: str
    name: str
    measured: dict[int, list[Figures]]

    @property
    def memory(self) -> float:
        """Return the size of the largest worker in MiB."""


def report(rows: Sequence[Row], folder: Path, rounds: int, seconds: float) -> None:
    """Print the table: medians of the rounds, and each row's ratio to the first of its group."""
    print(f"{machine()}\n{versions(folder)}")
    print(f"{generator.name(seconds)}; medians of {rounds} rounds of {seconds:g} s")
    levels = list(rows[0].measured)
    print(f"\n{'':<28}" + "".join(f" | {f'{level} connections':<32}" for level in levels))
    header = LEVEL.format("per s", "p50 ms", "p99 ms", "CPU µs")
    print(f"{'':<28}" + f" | {header}" * len(levels) + f" | {'CPU µs':>7} {'ratio':>6} {'PSS MiB':>8}")
    peer = rows[0]
    group = ""
    for row in rows:
        if row.group != group:
            peer = row
            group = row.group
            print(group)
        cells = "".join(f" | {_level(row.measured[level])}" for level in levels)
        cpu = statistics.median(_cpus(row)) * 1e6
        print(f"  {row.name:<26}{cells} | {cpu:>7.0f} {ratio(row, peer):>6.2f} {row.memory:>8.1f}")
    busiest = max(figures.share for row in rows for figures in _all(row))
    print(
        "\nCPU µs: for a request, in all processes of the server. PSS: of its largest worker. Ratio: of CPU"
    )
    print("to the first row of the group, median of the rounds with 8 and with 32 connections.")
    print(f"The load generator used at most {busiest:.0%} of a core: above 90 % it would be the bottleneck.")
    print(f"\n{NOT_EQUAL}")


def _level(figures: Sequence[Figures]) -> str:
    rate, p50, p99, cpu = (
        statistics.median(getattr(each, name) for each in figures) for name in ("rate", "p50", "p99", "cpu")
    )
    return LEVEL.format(f"{rate:.0f}", f"{p50 * 1e3:.2f}", f"{p99 * 1e3:.1f}", f"{cpu * 1e6:.0f}")


def ratio(row: Row, peer: Row) -> float:
    """Return the median of the rounds' ratios of CPU time."""
    return statistics.median(ours / theirs for ours, theirs in zip(_cpus(row), _cpus(peer), strict=True))


def _all(row: Row) -> Iterable[Figures]:
    return (figures for level in row.measured.values() for figures in level)


def _cpus(row: Row) -> list[float]:
    return [figures.cpu for figures in _all(row)]


def machine() -> str:
    """Return the processor, the number of its cores, and the system."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = {line.partition(": ")[2] for line in info.splitlines() if line.startswith("model name")}
    return f"{', '.join(models) or platform.processor()}, {os.cpu_count()} cores, {platform.platform()}"


def versions(folder: Path) -> str:
    """Return the versions of both sides."""
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607
    listed = [f"{name} {version(name)}" for name in PYTHON_PACKAGES]
    listed.append(f"Node {node}")
    listed += [f"{name} {_node_version(folder / 'node_modules' / name)}" for name in NODE_PACKAGES]
    return f"CPython {platform.python_version()}, {', '.join(listed)}"


def _node_version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text())["version"])
