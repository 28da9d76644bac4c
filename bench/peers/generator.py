"""Send requests for some seconds and measure: with wrk where it is installed, otherwise with bench.load.

wrk takes whole seconds only, so a shorter trial is bench.load's too. Both keep their connections, with one
request in flight on each. `python -m bench.peers.generator PORT CONNECTIONS SECONDS FILE SKIP NUMBER` is
one process of the second kind.
"""

import array
import itertools
import json
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bench import load

PROCESSES = 2  # of the generator of our own
SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run measured: answers, seconds, and latencies in seconds; `share` of a core it used itself."""

    count: int
    seconds: float
    p50: float
    p99: float
    share: float = 0.0


def has_wrk(seconds: float) -> bool:
    """Return whether wrk is here, and sends for so long."""
    return seconds.is_integer() and shutil.which("wrk") is not None


def name(seconds: float) -> str:
    """Return the name and version of the generator."""
    if not has_wrk(seconds):
        return f"bench.load, {PROCESSES} processes"
    printed = subprocess.run(["wrk", "--version"], check=False, capture_output=True, text=True).stdout  # noqa: S607
    return " ".join(printed.split()[:2])


def send(port: int, requests: Path, connections: int, seconds: float, skip: int = 0) -> Sent:
    """Send the requests of a file in turn, from one of them on; raise RuntimeError if one is no 2xx."""
    before = _used()
    by = _wrk if has_wrk(seconds) else _ours
    sent = by(port, requests, connections, seconds, skip)
    return replace(sent, share=(_used() - before) / sent.seconds)


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _wrk(port: int, requests: Path, connections: int, seconds: float, skip: int) -> Sent:
    options = ["-t", "1", "-c", str(connections), "-d", f"{seconds:.0f}s", "-s", str(SCRIPT)]
    command = ["wrk", *options, f"http://127.0.0.1:{port}/", "--", str(requests), str(skip)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured = json.loads(printed.splitlines()[-1])
    if measured.pop("failed") or not measured["count"]:
        raise RuntimeError(f"wrk counted failures:\n{printed}")
    return Sent(**measured)


def _ours(port: int, requests: Path, connections: int, seconds: float, skip: int) -> Sent:
    share = str(connections // PROCESSES)
    command = [sys.executable, "-m", "bench.peers.generator", str(port), share, str(seconds), str(requests)]
    running = [
        subprocess.Popen([*command, str(skip // PROCESSES), str(number)], stdout=subprocess.PIPE)
        for number in range(PROCESSES)
    ]
    printed = [process.communicate(timeout=seconds + 60)[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("The load generator failed; above stands why.")
    latencies = sorted(array.array("d", b"".join(printed)))
    result = load.Result(len(latencies) / seconds, latencies)
    return Sent(len(latencies), seconds, result.percentile(50), result.percentile(99))


def main(port: str, connections: str, seconds: str, *file: str) -> None:
    """Send every second request of a file, and write the latencies to stdout as doubles."""
    requests, skip, number = file
    found = Path(requests).read_bytes().split(b"\0")
    share = found[int(number) % len(found) :: PROCESSES]
    each = itertools.islice(itertools.cycle(share), int(skip) % len(share), None)
    result = load.run(int(port), each, seconds=float(seconds), connections=int(connections))
    sys.stdout.buffer.write(array.array("d", result.latencies).tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
