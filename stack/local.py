"""Run the services of docker-compose.yml as local processes.

Usage: `python stack/local.py up|start|stop|down [SERVICE ...]`, or `exec SERVICE COMMAND ...`.

It starts the same programs with the same settings, but for four replacements: the addresses of services and
the address that a service listens on become loopback addresses; `/run/secrets` and `/data` become folders of
the checkout.
Not here: secrets and the virtual environment (stack/stack), ports (stack/ports), readiness (stack/ready.py).
"""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local"
START_SECONDS, STOP_SECONDS = 30, 15


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the Compose file, as a process to start."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    port: int

    @property
    def pid_file(self) -> Path:
        """Return the file with the process id of gunicorn's master and the fingerprint of what it runs."""
        return STATE / "run" / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        """Return the file with everything that the service printed."""
        return STATE / "run" / f"{self.name}.log"

    def fingerprint(self) -> str:
        """Return a digest of everything that the process is made of; a change of it means a restart."""
        digest = hashlib.sha256(repr((self.command, sorted(self.environment.items()))).encode())
        folder = ROOT / self.name
        for path in sorted(folder.rglob("*.*")):
            if (
                path.is_file()
                and path.relative_to(folder).parts[0] not in ("tests", "inbox")
                and path.suffix != ".pyc"
            ):
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def pid(self) -> int | None:
        """Return the process id of the running master; None if it has ended, also if its id is reused."""
        with suppress(FileNotFoundError, ValueError):
            pid = int(self.pid_file.read_text().split()[0])
            shown = subprocess.run(
                ["ps", "-ww", "-o", "command=", "-p", str(pid)], check=False, stdout=subprocess.PIPE
            )
            if self.command[1].encode() in shown.stdout:
                return pid
        return None

    def is_current(self) -> bool:
        """Return whether the running process matches the checkout."""
        return self.pid() is not None and self.pid_file.read_text().split()[1:] == [self.fingerprint()]


def services() -> list[Service]:
    """Return the services of the Compose file, in the order in which to start them."""
    declared = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    inside = {name: int(service["ports"][0].rsplit(":", 1)[1]) for name, service in declared.items()}
    ports = {name: int(os.environ.get(_port_setting(name), port)) for name, port in inside.items()}
    return [
        Service(
            name,
            tuple(service["command"]),
            {
                key: _localised(str(value), name, inside, ports)
                for key, value in service["environment"].items()
            },
            ports[name],
        )
        for name, service in declared.items()
    ]


def _port_setting(name: str) -> str:
    return name.upper().replace("-", "_") + "_PORT"


def _localised(value: str, name: str, inside: dict[str, int], ports: dict[str, int]) -> str:
    for other, port in inside.items():
        value = value.replace(f"http://{other}:{port}", f"http://127.0.0.1:{ports[other]}")
    value = value.replace(f"0.0.0.0:{inside[name]}", f"127.0.0.1:{ports[name]}")
    return value.replace("/run/secrets", str(ROOT / ".secrets" / name)).replace("/data", str(STATE / name))


def require_free_ports(services: Iterable[Service]) -> None:
    """Exit with a message for each port that another program uses."""
    # Gunicorn would not notice: with --reuse-port it shares a port with any other program that does the same.
    pairs = [f"{_port_setting(service.name)}={service.port}" for service in services]
    if subprocess.run([ROOT / "stack/ports", *pairs], check=False).returncode:
        sys.exit(1)


def start(service: Service) -> None:
    """Start the process and wait until it answers; if it does not, exit with what it printed."""
    (STATE / service.name).mkdir(exist_ok=True)
    with service.log_file.open("a") as log:
        before = log.tell()
        process = subprocess.Popen(
            service.command,
            cwd=ROOT / service.name,
            env=os.environ | service.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    service.pid_file.write_text(f"{process.pid} {service.fingerprint()}\n")
    for _ in _until(START_SECONDS):
        if process.poll() is not None:
            service.pid_file.unlink()
            printed = service.log_file.read_text()[before:]
            sys.exit(f"{printed}{service.name} stopped with status {process.returncode}.")
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{service.port}/healthz", timeout=3):
            return
    sys.exit(f"{service.name} does not answer on port {service.port}; see {service.log_file}")


def stop(service: Service) -> None:
    """Ask the process to stop, and wait; after the grace period, kill it and its workers."""
    if (pid := service.pid()) is not None:
        os.kill(pid, signal.SIGTERM)
        for _ in _until(STOP_SECONDS):
            if service.pid() is None:
                break
        else:
            os.killpg(pid, signal.SIGKILL)
    service.pid_file.unlink(missing_ok=True)


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    STATE.mkdir(mode=0o700, exist_ok=True)
    (STATE / "run").mkdir(exist_ok=True)
    with (STATE / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(verb: str, *names: str) -> None:
    """Run the verb on the services with these names, or on all of them."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if verb == "exec":
        (service,) = (service for service in services() if service.name == names[0])
        os.chdir(ROOT / service.name)
        os.execvpe(names[1], names[1:], os.environ | service.environment)  # noqa: S606
    chosen = [service for service in services() if not names or service.name in names]
    with _one_at_a_time():
        if verb in ("stop", "down"):
            for service in reversed(chosen):
                stop(service)
            return
        starting = [
            service for service in chosen if not (service.is_current() if verb == "up" else service.pid())
        ]
        for service in reversed(starting):
            stop(service)
        require_free_ports(starting)
        for service in starting:
            start(service)


if __name__ == "__main__":
    main(*sys.argv[1:])
