"""Measure how long the page takes to render a run of 20 exchanges, of two kinds in turn (`make bench`)."""

import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import requests
from live_stack import Stack

EXCHANGES = 20  # of the run
SAMPLES = 100


def lengthen(database: Path, run_id: str) -> None:
    """Repeat the run's first two exchanges, a token request and an upload, until there are enough."""
    with sqlite3.connect(database) as history:
        query = "SELECT document FROM exchanges WHERE run_id = ? ORDER BY number LIMIT 2"
        pair = [document for (document,) in history.execute(query, (run_id,))]
        rows = [(run_id, number, pair[(number - 1) % 2]) for number in range(1, EXCHANGES + 1)]
        history.executemany("INSERT OR REPLACE INTO exchanges VALUES (?, ?, ?)", rows)
    history.close()


def measure(session: requests.Session, url: str) -> tuple[float, int]:
    """Return the median time of an answer, in milliseconds, and its size in bytes."""
    times = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        answer = session.get(url, timeout=10)
        times.append((time.perf_counter() - began) * 1e3)
        answer.raise_for_status()
    return statistics.median(times), len(answer.content)


def main() -> None:
    """Start the stack, record a run, measure, print, stop everything."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.make("up")
            run_id = stack.run_import(resend=True, fresh_token=True)["id"]
            lengthen(stack.state / "calling-service/import.db", run_id)
            print(f"A run of {EXCHANGES} exchanges, medians of {SAMPLES}")
            with requests.Session() as session:
                for what, query in (("the page, with what is booked", ""), ("the flow alone", "?only=flow")):
                    median, size = measure(session, f"{stack.url['calling-service']}/flow/{run_id}{query}")
                    print(f"{what:<32} {median:6.1f} ms {size:8,} bytes")
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
