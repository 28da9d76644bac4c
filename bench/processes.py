"""CPU time and memory of a gunicorn master and its workers, from /proc (Linux)."""

import os
from pathlib import Path


def workers(master: int) -> list[int]:
    """Return the process ids of a master's workers."""
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def cpu_seconds(master: int) -> float:
    """Return the user and system time that the workers have used so far."""
    return sum(_cpu_ticks(pid) for pid in workers(master)) / os.sysconf("SC_CLK_TCK")


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def tree_cpu_seconds(pid: int) -> float:
    """Return the user and system time that a process and all that it started have used so far."""
    return sum(_cpu_ticks(each) for each in _tree(pid)) / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> list[int]:
    return [pid, *(below for child in workers(pid) for below in _tree(child))]


def pss_mib(master: int) -> list[float]:
    """Return each worker's proportional set size in MiB."""
    return [_pss_kib(pid) / 1024 for pid in workers(master)]


def _pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
