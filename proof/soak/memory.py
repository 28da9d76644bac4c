"""Follow memory, descriptors and connections of every worker through the soak."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from live_stack import SERVICES, Stack

from proof.soak import processes

SETTLED = 300.0  # seconds after which a worker's memory is compared with its later memory
PROGRAM = Path(processes.__file__).read_text()
INSIDE = {"auth-server": 9000, "protected-api": 9001, "calling-service": 9002}


@dataclass
class Worker:
    """A worker as it was when it was seen first, after SETTLED seconds, and last."""

    service: str
    first_seen: float
    settled: dict[str, Any] | None = None
    last: dict[str, Any] = field(default_factory=dict)
    last_seen: float = 0.0

    def growth(self) -> float | None:
        """Return the share by which its memory has grown since it had settled; None before that."""
        if self.settled is None or self.settled is self.last:
            return None
        return float(self.last["memory"] / self.settled["memory"] - 1)


@dataclass
class Memory:
    """All workers that were seen, by service, process id and start."""

    stack: Stack
    workers: dict[tuple[str, int, int], Worker] = field(default_factory=dict)
    most_sockets: int = 0
    close_wait: int = 0

    def look(self) -> None:
        """Measure all services once; one that is being restarted is left out."""
        self.close_wait = 0
        for service in SERVICES:
            found = self._measured(service)
            if found is None:
                continue
            self.close_wait += found["close_wait"]
            for worker in found["workers"]:
                self._see(service, worker)

    def _see(self, service: str, found: dict[str, Any]) -> None:
        now = time.monotonic()
        name = (service, found["pid"], found["started"])
        worker = self.workers.setdefault(name, Worker(service, now))
        self.most_sockets = max(self.most_sockets, found["sockets"])
        worker.last = found
        worker.last_seen = now
        if worker.settled is None and now - worker.first_seen >= SETTLED:
            worker.settled = found

    def _measured(self, service: str) -> dict[str, Any] | None:
        try:
            if self.stack.environment["RUNTIME"] == "local":
                return processes.measured(self.stack.master(service), self.stack.ports[service])
            port = str(INSIDE[service])
            printed = self.stack.inside(service, "python", "-c", PROGRAM, "1", port)
            document: dict[str, Any] = json.loads(printed)
        except (OSError, AssertionError, ValueError):
            return None
        return document

    def running(self, service: str) -> list[int]:
        """Return the process ids of a service's workers, the oldest first."""
        found = self._measured(service) or {"workers": []}
        return [each["pid"] for each in sorted(found["workers"], key=lambda each: each["started"])]
