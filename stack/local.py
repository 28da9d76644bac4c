"""Run the services of docker-compose.yml as local processes.

Usage: `python stack/local.py up|start|stop|down [SERVICE ...]`, or `exec SERVICE COMMAND ...`.

Not here: what a service is (stack/service.py), secrets and the virtual environment (stack/stack), ports
(stack/ports), readiness (stack/ready.py).
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

from service import ROOT, STATE, Service, services

START_SECONDS = 30
STOP_SECONDS = 15
WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def only_ours(chosen: Iterable[Service]) -> bool:
    """Return whether no other program listens on the services' ports; print each one that does."""
    # Gunicorn would not notice: with --reuse-port it shares a port with any other program that does the same.
    ports = [f"{service.port_setting}={service.port}={service.pid() or ''}" for service in chosen]
    return subprocess.run([ROOT / "stack/ports", *ports], check=False).returncode == 0


def require_startable(service: Service) -> None:
    """Exit with what is wrong if the checkout's version of a running service could not start."""
    checked = subprocess.run(
        [*service.command, "--check-config"],
        check=False,
        cwd=service.folder,
        env=service.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    if checked.returncode:
        sys.exit(f"The new {service.name} would not start, so the running services were left as they are.")


def start(service: Service) -> None:
    """Start the process and wait until it answers; if it does not, exit with what it printed."""
    service.data.mkdir(exist_ok=True)
    with service.log_file.open("a") as log:
        before = log.tell()
        process = subprocess.Popen(
            service.command,
            cwd=service.folder,
            env=service.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    service.pid_file.write_text(f"{process.pid} {service.fingerprint()}\n")
    for _ in _until(START_SECONDS):
        if process.poll() is not None:
            service.pid_file.unlink()
            printed = service.log_file.read_text()[before:] if only_ours([service]) else ""
            sys.exit(f"{printed}{service.name} stopped with status {process.returncode}.")
        if _answers(f"http://127.0.0.1:{service.port}/healthz"):
            if only_ours([service]):
                return
            stop(service)
            sys.exit(f"{service.name} was stopped again, because another program has its port.")
    sys.exit(f"{service.name} does not answer on port {service.port}; see {service.log_file}")


def _answers(url: str) -> bool:
    with suppress(OSError, HTTPException), WITHOUT_PROXY.open(url, timeout=3):
        return True
    return False


def stop(service: Service) -> None:
    """Ask the process to stop, and wait; after the grace period, kill it and its workers."""
    pid = service.pid()
    if pid is not None:
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
        os.chdir(service.folder)
        os.execvpe(names[1], names[1:], service.environment)  # noqa: S606
    chosen = [service for service in services() if not names or service.name in names]
    with _one_at_a_time():
        if verb in ("stop", "down"):
            for service in reversed(chosen):
                stop(service)
        else:
            start_again([service for service in chosen if _is_to_start(service, verb)])


def _is_to_start(service: Service, verb: str) -> bool:
    if verb == "up":
        return not service.is_current()
    return service.pid() is None


def start_again(chosen: list[Service]) -> None:
    """Stop those that run, once it is certain that their new version can start, and start all."""
    if not only_ours(chosen):
        sys.exit(1)
    # The authorization server comes last, because its check already applies the tenant file.
    for service in reversed(chosen):
        if service.pid() is not None:
            require_startable(service)
    for service in reversed(chosen):
        stop(service)
    for service in chosen:
        start(service)


if __name__ == "__main__":
    main(*sys.argv[1:])
