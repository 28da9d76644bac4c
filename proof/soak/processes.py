"""Print memory, descriptors and connections of a server's workers as JSON: `processes.py MASTER PORT`.

It runs beside the service, also in its container, and therefore imports nothing of ours. Linux only.
"""

import json
import sys
from pathlib import Path
from typing import Any

CLOSE_WAIT = "08"  # the other side has closed, and this process has not


def workers(master: int) -> list[dict[str, Any]]:
    """Return the workers: process id, start in clock ticks of the system, memory in KiB, descriptors."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    found = [_worker(Path("/proc") / pid) for pid in children]
    return [worker for worker in found if worker]


def _worker(folder: Path) -> dict[str, Any]:
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        descriptors = [str(each.readlink()) for each in (folder / "fd").iterdir()]
        started = (folder / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:  # it ended meanwhile
        return {}
    if "VmRSS" not in status:
        return {}
    return {
        "pid": int(folder.name),
        "started": int(started),
        "memory": int(status["VmRSS"].split()[0]),
        "descriptors": len(descriptors),
        "sockets": sum(each.startswith("socket:") for each in descriptors),
    }


def waiting_to_close(port: int) -> int:
    """Return how many connections of the port are closed by the other side alone."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local_addresses = [line[1] for line in lines if line[3] == CLOSE_WAIT]
    return sum(address.endswith(f":{port:04X}") for address in local_addresses)


def measured(master: int, port: int) -> dict[str, Any]:
    """Return all of it."""
    return {"workers": workers(master), "close_wait": waiting_to_close(port)}


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]), int(sys.argv[2]))))
