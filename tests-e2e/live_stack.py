"""A stack for the tests alone: a copy of the checkout with its own ports, secrets and volumes.

The tests start and stop it with `make` and `stack/stack`, as a user does. RUNTIME chooses the runtime.
"""

import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests

CHECKOUT = Path(__file__).resolve().parent.parent
SERVICES = ("auth-server", "protected-api", "calling-service")
INVOICES = "https://invoices.exampleco.example"
POSTS = {  # what takes a body in each service
    "auth-server": ("/oauth/token", "application/x-www-form-urlencoded"),
    "protected-api": ("/timesheets/upload", "application/json"),
    "calling-service": ("/runs", "application/json"),
}
BELOW_EPHEMERAL = range(20000, 32768)
# What a caller sees when the server ends, before the head of the answer or between head and body.
NO_ANSWER = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)

T = TypeVar("T")


class Stack:
    """One stack of a copy, which is made unless it exists: each stack of a copy has ports of its own.

    `url` maps a service to its address; `tokens` has every token issued to the tests.
    """

    composed_by = "docker-compose.yml"  # the file that names the tenant file

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        self.url = {service: f"http://127.0.0.1:{port}" for service, port in self.ports.items()}
        self.issuer = f"http://localhost:{self.ports['auth-server']}"
        self.timesheets_api = f"http://localhost:{self.ports['protected-api']}"  # its identifier
        self.tokens: list[str] = []
        self.first_output = ""
        self.project = f"e2e-{uuid.uuid4().hex[:8]}"  # of Docker Compose
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("MAKE", "PYTEST", "COV_", "COLUMNS"))
            },
            **{
                service.upper().replace("-", "_") + "_PORT": str(port) for service, port in self.ports.items()
            },
            "COMPOSE_PROJECT_NAME": self.project,
            "VENV": os.environ.get("VENV", str(CHECKOUT / ".venv")),
        }
        if not folder.exists():
            copy_checkout(folder)

    @property
    def state(self) -> Path:
        """Return the folder of the local processes."""
        return self.folder / f".local-{'-'.join(map(str, self.ports.values()))}"

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file of the copy, wherever it occurs; it must occur."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} does not contain {old!r}"
        path.write_text(text.replace(old, new))

    def let_tenant_be_edited(self) -> Path:
        """Before the start, replace the tenant file by one that is mounted, and return that."""
        self.edit(self.composed_by, "TENANT_FILE: tenant.yaml", "TENANT_FILE: /run/secrets/tenant.yaml")
        file = self.folder / ".secrets/auth-server/tenant.yaml"
        file.parent.mkdir(parents=True)
        file.write_text((self.folder / "auth-server/tenant.yaml").read_text())
        return file

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Kill nothing during the block; only on deploy/scale anything is killed."""
        yield

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy and capture its output; do not raise if it fails."""
        return subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def compose(self, *arguments: str) -> str:
        """Run docker compose on this stack and return what it printed."""
        return self.run("docker", "compose", *arguments, COMPOSE_PROJECT_NAME=self.project).stdout

    def make(self, *targets: str, **environment: str) -> str:
        """Run make and return what it printed; fail with all of it if make fails."""
        done = self.run("make", *targets, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *services: str) -> None:
        """Start services that are stopped."""
        self._verb("start", *services)

    def wait_until_ready(self) -> None:
        """Wait until all three services answer as ready."""
        self.wait_until_answers(*(f"{url}/readyz" for url in self.url.values()))

    def wait_until_answers(self, *urls: str) -> None:
        """Wait until each URL answers 200."""
        done = self.run(sys.executable, "stack/ready.py", "30", *urls)
        assert done.returncode == 0, done.stderr

    def master(self, service: str) -> int:
        """Return the process id of a service's gunicorn master (local processes only)."""
        return int((self.state / f"run/{service}.pid").read_text().split()[0])

    def processes(self) -> set[str]:
        """Return what identifies the running services: ids of containers, or of gunicorn's masters."""
        if self.environment["RUNTIME"] == "docker":
            return set(self.compose("ps", "--quiet").split())
        return {path.read_text() for path in self.state.glob("run/*.pid")}

    def stop(self, *services: str) -> None:
        """Stop services; their data stay."""
        self._verb("stop", *services)

    def _verb(self, verb: str, *services: str) -> None:
        done = self.run("stack/stack", verb, *services)
        assert done.returncode == 0, done.stdout + done.stderr

    def inside(self, service: str, *command: str) -> str:
        """Run a program where a service runs, with its settings; return what it printed."""
        done = self.run("stack/stack", "exec", service, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def logs(self, service: str) -> str:
        """Return everything that a service has printed."""
        if self.environment["RUNTIME"] == "local":
            return (self.state / f"run/{service}.log").read_text()
        container = self.compose("ps", "--all", "--quiet", service).strip()
        return self.run("docker", "logs", container).stdout

    def secret(self, client_id: str) -> str:
        """Return a client's secret, from its holder's folder."""
        (path,) = self.folder.glob(f".secrets/*/{client_id}")
        return path.read_text().strip()

    def ask_for_token(self, client_id: str, *, secret: str | None = None, **form: str) -> requests.Response:
        """Ask for a token with client_secret_basic; `form` has the parameters."""
        response = requests.post(
            f"{self.url['auth-server']}/oauth/token",
            auth=(client_id, self.secret(client_id) if secret is None else secret),
            data={"grant_type": "client_credentials", **form},
            timeout=10,
        )
        if response.ok:
            self.tokens.append(response.json()["access_token"])
        return response

    def token(self, client_id: str, **form: str) -> str:
        """Return an access token, for the Timesheets API unless the audience says otherwise."""
        response = self.ask_for_token(client_id, **{"audience": self.timesheets_api, **form})
        assert response.status_code == 200, response.text
        return str(response.json()["access_token"])

    def api(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """Call the Timesheets API."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(
            method, self.url["protected-api"] + path, headers=headers, timeout=10, **options
        )

    def timesheets(self) -> list[dict[str, object]]:
        """Read every page of GET /timesheets."""
        token = self.token("payroll-report", scope="read:timesheets")
        rows: list[dict[str, object]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.api("GET", "/timesheets", token, params={"cursor": cursor} if cursor else None).json()
            rows += page["timesheets"]
            cursor = page["next_cursor"]
        return rows

    def run_import(self, **options: bool) -> dict[str, Any]:
        """Start an import through the web interface and return its record once it has ended."""
        return self._run_to_its_end(options)

    def play(self, case: str) -> dict[str, Any]:
        """Start a case of the gallery through the web interface and return its record once it has ended."""
        return self._run_to_its_end({"case": case})

    def _run_to_its_end(self, asked: Mapping[str, object]) -> dict[str, Any]:
        accepted = requests.post(f"{self.url['calling-service']}/runs", json=asked, timeout=10)
        assert accepted.status_code == 202, accepted.text
        location = self.url["calling-service"] + accepted.headers["Location"]

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = requests.get(location, timeout=10).json()
            return None if run["state"] == "running" else run

        return eventually(ended, "the run ends")

    def drop(self) -> None:
        """Remove everything of the copy: processes, containers, volumes, images."""
        self.run("make", "clean")
        if self.environment["RUNTIME"] == "docker":
            self.compose("down", "--rmi", "local", "--volumes")


def copy_checkout(folder: Path) -> None:
    """Copy every file of the checkout that git does not ignore."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=CHECKOUT, text=True
    )
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)


def eventually(probe: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """Call `probe` until it returns something, and return that; fail after `seconds`, naming `what`."""
    deadline = time.monotonic() + seconds
    while (answer := probe()) is None:
        assert time.monotonic() < deadline, f"did not happen within {seconds} s: {what}"
        time.sleep(0.05)
    return answer


@contextmanager
def four_threads(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` repeatedly in four threads during the block; raise what any of them raises."""
    stop, failures = threading.Event(), list[Exception]()

    def run() -> None:
        try:
            while not stop.is_set():
                act()
        except Exception as failure:  # noqa: BLE001 raised below, in the thread of the test
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


def free_ports(count: int) -> list[int]:
    """Return free ports, below those that the system gives to outgoing connections, each only once."""
    ports: list[int] = []
    for port in random.sample(BELOW_EPHEMERAL, len(BELOW_EPHEMERAL)):
        if _reserve(port):
            ports.append(port)
        if len(ports) == count:
            break
    return ports


def _reserve(port: int) -> bool:
    """Return whether the port is free; if so, keep the UDP port of its number until this process ends."""
    mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        mark.bind(("127.0.0.1", port))
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        mark.close()
        return False
    mark.detach()  # so that nothing closes it
    return True
