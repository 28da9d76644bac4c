"""Measure how soon each service answers after its start, and `make up` on a running stack (`make bench`)."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from live_stack import SERVICES, Stack

SAMPLES = 5


def main() -> None:
    """Start a stack, then each service again alone; print the medians, in seconds."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.make("up")
            print(f"Seconds, medians of {SAMPLES}")
            print(f"{'make up, everything running':<46} {statistics.median(_again(stack)):8.2f}")
            for service in SERVICES:
                print(f"{service + ' answers after its start':<46} {_median(stack, service):8.2f}")
        finally:
            stack.drop()


def _median(stack: Stack, service: str) -> float:
    stack.stop(service)
    return statistics.median(_first_answer(stack, service) for _ in range(SAMPLES))


def _first_answer(stack: Stack, service: str) -> float:
    """Return the seconds from the start of the program to its first answer."""
    app = f"{service.replace('-', '_')}.wsgi:app"
    command = [sys.executable, "stack/local.py", "exec", service, "gunicorn", app]
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=stack.folder, env=stack.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as master:
        try:
            while not _answers(stack.ports[service]):
                time.sleep(0.005)
            return time.perf_counter() - began
        finally:
            master.terminate()


def _answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
        return True
    return False


def _again(stack: Stack) -> list[float]:
    return [_timed(lambda: stack.make("up")) for _ in range(SAMPLES)]


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
