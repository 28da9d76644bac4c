"""The stage of one drill: a copy of the checkout with its own ports, and what the drill starts beside it."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from live_stack import Stack

from drills import processes
from drills.tally import Tally

WORKERS = 2  # of each server, by docker-compose.yml
NOT_PASSED_ON = ("OVERLAY", "SERVER", "ANOTHER_SERVER", "EXPLAIN")  # of the user's own stack
SERVE = {
    "auth-server": ("gunicorn", "auth_server.wsgi:app"),
    "protected-api": ("gunicorn", "protected_api.wsgi:app"),
}


@dataclass(eq=False, slots=True)
class Stage:
    """A stack of local processes that is not started yet; `wrong` asks for the wrong twin."""

    stack: Stack
    wrong: bool
    tally: Tally = field(default_factory=Tally)
    _instances: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def set(self, service_line: str, **settings: str | int) -> None:
        """Add settings to the service of docker-compose.yml that has a line with this beginning."""
        lines = "".join(f'{name}: "{value}"\n      ' for name, value in settings.items())
        self.stack.edit("docker-compose.yml", f"      {service_line}", f"      {lines}{service_line}")

    def set_token_lifetime(self, seconds: int) -> None:
        """Let the tokens for the Timesheets API live so long."""
        introspected = "    introspected_by: timesheets-api\n"
        lifetime = f"    token_lifetime: {seconds}\n"
        self.stack.edit("auth-server/tenant.yaml", introspected, introspected + lifetime)

    def start(self) -> None:
        """Start the three services, and return when they are ready."""
        done = self.stack.run("stack/stack", "up")
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def begin_instance(self, service: str) -> subprocess.Popen[bytes]:
        """Start another instance of a service, on the same port (--reuse-port) and the same data."""
        log = (self.stack.state / f"run/{service}.more.log").open("ab")
        with log:
            process = subprocess.Popen(
                ["stack/stack", "exec", service, *SERVE[service]],
                cwd=self.stack.folder,
                env=self.stack.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._instances.append(process)
        return process

    def serves(self, service: str, instance: subprocess.Popen[bytes]) -> bool:
        """Return whether each worker of an instance listens on the service's port."""
        inodes = processes.listening_sockets(self.stack.ports[service])
        return sum(processes.holds(pid, inodes) for pid in processes.below(instance.pid)) >= WORKERS

    def end_instances(self) -> None:
        """Kill what begin_instance started and still runs."""
        for process in self._instances:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def staged(*, wrong: bool) -> Iterator[Stage]:
    """Yield a stage; remove everything of it afterwards."""
    with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as folder:
        stack = Stack(Path(folder) / "checkout")
        stack.environment["RUNTIME"] = "local"
        for name in NOT_PASSED_ON:
            stack.environment.pop(name, None)
        stage = Stage(stack, wrong)
        try:
            yield stage
        finally:
            signal.alarm(0)  # nothing may break this off
            stage.end_instances()
            stack.drop()
