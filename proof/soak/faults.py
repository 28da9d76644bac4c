"""What happens to the stack under load: kills and restarts, rotations of keys and of a secret."""

import hashlib
import itertools
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from live_stack import SERVICES, Stack, eventually

from proof.soak.memory import Memory
from proof.soak.tally import Tally

CLIENT = "timesheets-import-job"
DIGESTS = (f"{CLIENT}.sha256", f"{CLIENT}.next.sha256")
FLASK = ("flask", "--app", "auth_server.wsgi")
KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"
OVERLAP = 10.0  # seconds for which two secrets are good; a slow sender began with the old one


@dataclass
class Faults:
    """Breaks one thing at a time, and waits until all services are ready again."""

    stack: Stack
    tally: Tally
    memory: Memory
    wait: Callable[[float], object]
    digest: int = 0  # the index in DIGESTS of the secret that is in use

    def all(self) -> Iterator[None]:
        """Break everything in turn, one thing for each step."""
        steps: list[Callable[[], None]] = []
        steps += [partial(self.kill_worker, service) for service in SERVICES]
        steps += [self.rotate_keys]
        steps += [partial(self.kill, service) for service in SERVICES]
        steps += [self.rotate_secret]
        steps += [partial(self.restart, service) for service in SERVICES]
        return self._taken(steps)

    def gentle(self) -> Iterator[None]:
        """Leave the oldest worker of each service alone, so that its memory can be followed."""
        return self._taken(
            [
                partial(self.kill_worker, "auth-server"),
                self.rotate_keys,
                partial(self.kill_worker, "protected-api"),
                self.rotate_secret,
            ]
        )

    @staticmethod
    def _taken(steps: list[Callable[[], None]]) -> Iterator[None]:
        for step in itertools.cycle(steps):
            yield step()

    def kill_worker(self, service: str) -> None:
        """Kill a service's youngest worker with SIGKILL."""
        before = self.memory.running(service)
        with self.tally.fault(f"kill -9 of a worker: {service}"):
            if self.stack.environment["RUNTIME"] == "local":
                os.kill(before[-1], signal.SIGKILL)
            else:
                self.stack.inside(service, "python", "-c", KILL, str(before[-1]))
            eventually(lambda: self._replaced(service, before), "another worker runs")
            self.stack.wait_until_ready()

    def _replaced(self, service: str, before: list[int]) -> bool | None:
        now = self.memory.running(service)
        return True if len(now) == len(before) and before[-1] not in now else None

    def kill(self, service: str) -> None:
        """Kill a service, its master and its workers, with SIGKILL, and start it again."""
        with self.tally.fault(f"kill -9 of a service: {service}"):
            if self.stack.environment["RUNTIME"] == "local":
                os.killpg(self.stack.master(service), signal.SIGKILL)
            else:
                self.stack.compose("kill", "--signal", "SIGKILL", service)
            self.stack.start(service)
            self.stack.wait_until_ready()

    def restart(self, service: str) -> None:
        """Stop a service as an operator does, and start it again."""
        with self.tally.fault(f"restart: {service}"):
            self.stack.stop(service)
            self.stack.start(service)
            self.stack.wait_until_ready()

    def rotate_keys(self) -> None:
        """Announce new signing keys; nothing may fail meanwhile, so this opens no window."""
        self.stack.inside("auth-server", *FLASK, "keys", "rotate")
        self.tally.faults["rotation of the signing keys"] += 1

    def rotate_secret(self) -> None:
        """Give the import job a new secret; nothing may fail meanwhile."""
        old = DIGESTS[self.digest]
        new = DIGESTS[1 - self.digest]
        secret = secrets.token_urlsafe(32)
        server = self.stack.folder / ".secrets/auth-server"
        _replace(server / new, hashlib.sha256(secret.encode()).hexdigest() + "\n")
        self._declare(f"[{old}]", f"[{old}, {new}]")
        (mine,) = self.stack.folder.glob(f".secrets/*/{CLIENT}")
        _replace(mine, secret + "\n")
        self.wait(OVERLAP)
        self._declare(f"[{old}, {new}]", f"[{new}]")
        self.digest = 1 - self.digest
        self.tally.faults["rotation of the job's secret"] += 1

    def _declare(self, before: str, after: str) -> None:
        tenant = self.stack.folder / ".secrets/auth-server/tenant.yaml"
        _replace(tenant, tenant.read_text().replace(before, after))
        self.stack.inside("auth-server", *FLASK, "tenant", "apply")


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o444)
    new.replace(path)
