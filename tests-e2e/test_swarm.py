"""deploy/swarm in a real swarm: rolling updates, rollbacks and a rotated secret, and no call fails.

`make test-swarm` runs it; nothing else does, since it takes several minutes.
"""

import csv
import io
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from live_stack import Stack

pytestmark = pytest.mark.swarm
STACK = "timesheets-of-a-test"
CLIENTS = {
    "Authlib": ["python", "with_authlib.py"],
    "requests-oauthlib": ["python", "with_requests_oauthlib.py"],
    "curl": ["python", "with_curl.py"],
    "openid-client": ["node", "openid_client.mjs"],
}
SERVICES = ("proxy", "auth-server", "protected-api", "import-job")
ROWS = 20  # of each export that the job gets


def docker(*arguments: str, stdin: str | None = None, timeout: float = 300) -> str:
    done = subprocess.run(
        ["docker", *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


class Swarm:
    """The stack, and the programs that call it."""

    def __init__(self, folder: Path) -> None:
        self.copy = Stack(folder)
        self.secrets = folder / ".secrets/swarm"
        self.clients = f"{STACK}-clients"

    def run(self, *verb: str, tag: str = "1") -> None:
        """Run a verb of deploy/swarm/swarm; fail if it fails."""
        settings = {"STACK": STACK, "REGISTRY": STACK, "TAG": tag, "SCHEDULE_SECONDS": "2"}
        done = subprocess.run(
            ["deploy/swarm/swarm", *verb],
            cwd=self.copy.folder,
            env=self.copy.environment | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def update(self, service: str, *options: str) -> None:
        """Update a service and wait until all its replicas are new and healthy."""
        docker("service", "update", "--quiet", "--detach=false", *options, f"{STACK}_{service}")

    def rollback(self, service: str) -> None:
        """Go back to the service as it was before its last update."""
        docker("service", "rollback", "--quiet", "--detach=false", f"{STACK}_{service}")

    def image(self, service: str) -> str:
        """Return the image that a service is to have."""
        template = "{{.Spec.TaskTemplate.ContainerSpec.Image}}"
        return docker("service", "inspect", "--format", template, f"{STACK}_{service}").strip()

    def start_client(self, name: str) -> str:
        """Start one of the clients in the network of clients; return its container."""
        options = ["--detach", "--network", f"{STACK}_clients", "--label", f"test={STACK}"]
        options += ["--volume", f"{self.secrets}/payroll-report:/run/secrets/payroll-report:ro"]
        options += ["--volume", f"{self.secrets}/ca.pem:/ca.pem:ro"]
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
            options += ["--env", f"{variable}=/ca.pem"]
        return docker("run", *options, self.clients, *CLIENTS[name]).strip()

    def put_export(self, number: int) -> None:
        """Write an export into the inbox, as a whole, from a container that has the volume."""
        rows = io.StringIO()
        table = csv.writer(rows)
        table.writerow(["entry_id", "Employee Id", "Date", "Project", "Hours"])
        for row in range(ROWS):
            table.writerow([f"{number}-{row}", f"C-{row}", "2026-11-16", f"Rolling update {number}", "1.00"])
        command = f"cat >/inbox/.new && mv /inbox/.new /inbox/export-{number:04}.csv"
        volume = f"{STACK}_inbox:/inbox"
        docker("run", "--rm", "--interactive", "--volume", volume, "python:3.13-slim", "sh", "-c", command,
               stdin=rows.getvalue())  # fmt: skip

    def books(self) -> dict[str, int]:
        """Return how many rows are booked, by how often each of them is."""
        sql = "SELECT external_id, count(*) FROM timesheets GROUP BY 1"
        container = self.container("postgresql")
        out = docker(
            "exec", container, "psql", "-U", "postgres", "-At", "-F", "=", "-c", sql, "protected_api"
        )
        return {name: int(times) for name, times in (line.split("=") for line in out.split())}

    def read(self, service: str, file: str) -> str:
        """Return what a file in a container of a service holds."""
        return docker("exec", self.container(service), "cat", file)

    def container(self, service: str) -> str:
        """Return a running container of a service."""
        found = docker("ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={STACK}_{service}")
        return found.split()[0]


@contextmanager
def repeating(action: Callable[[int], None], pause: float) -> Iterator[list[int]]:
    """Do something again and again in a thread, until the end; yield the numbers of what was done."""
    done: list[int] = []
    stopped = threading.Event()

    def work() -> None:
        for number in count():
            if stopped.wait(pause):
                return
            action(number)
            done.append(number)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        stopped.set()
        thread.join()


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Return the running stack, in the swarm that the engine is in, or in a new one until the end."""
    is_new = docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() != "active"
    if is_new:
        docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    swarm = Swarm(tmp_path_factory.mktemp("swarm") / "checkout")
    clients = Path(__file__).parent / "swarm_clients"
    try:
        docker("build", "--quiet", "--tag", swarm.clients, str(clients), timeout=600)
        swarm.run("up")
        yield swarm
    finally:
        swarm.copy.run("deploy/swarm/swarm", "down", "--volumes", STACK=STACK)
        if is_new:
            docker("swarm", "leave", "--force")


def test_no_call_fails_while_every_service_is_updated_rolled_back_and_given_a_new_secret(
    swarm: Swarm, measured: Callable[[str], None]
) -> None:
    running = {name: swarm.start_client(name) for name in CLIENTS}
    with repeating(swarm.put_export, pause=3) as exports:
        swarm.run("up", tag="2")
        assert swarm.image("auth-server") == f"{STACK}/auth-server:2"
        for service in SERVICES[1:]:
            swarm.rollback(service)
            assert swarm.image(service).endswith(":1")
        swarm.update("proxy", "--force")
        swarm.update("proxy", "--env-add", "RELEASE=2")
        swarm.rollback("proxy")
        swarm.run("rotate")
    for container in running.values():
        docker("stop", "--time", "30", container)
    results = {
        name: json.loads(docker("logs", container).splitlines()[-1]) for name, container in running.items()
    }
    docker("rm", *running.values())
    for name, result in results.items():
        measured(f"swarm: {name}: {result['calls']} times token and call, {len(result['failures'])} failed")
    expected = len(exports) * ROWS
    deadline = time.monotonic() + 120
    while len(swarm.books()) < expected and time.monotonic() < deadline:
        time.sleep(1)
    books = swarm.books()
    twice = [name for name, times in books.items() if times > 1]
    measured(f"swarm: the import job: {expected} rows exported, {len(books)} booked, {len(twice)} twice")
    assert {name: result["failures"] for name, result in results.items()} == {name: [] for name in CLIENTS}
    assert all(result["calls"] > 100 for result in results.values())
    assert (len(books), twice) == (expected, [])
    newest = (swarm.secrets / "job-2").read_text()
    assert swarm.read("import-job", "/run/secrets/timesheets-import-job") == newest
    digests = {
        swarm.read("auth-server", f"/run/secrets/timesheets-import-job.{name}")
        for name in ("sha256", "next.sha256")
    }
    assert digests == {(swarm.secrets / "job-2.sha256").read_text()}


def test_an_update_that_does_not_become_healthy_is_rolled_back_by_itself(swarm: Swarm) -> None:
    client = swarm.start_client("Authlib")
    broken = ["--env-add", "DATABASE_URL=postgresql://nobody@nowhere:5432/none"]
    swarm.update("protected-api", *broken)
    assert "nowhere" not in docker("service", "inspect", f"{STACK}_protected-api", "--format", "{{.Spec}}")
    docker("stop", "--time", "30", client)
    assert json.loads(docker("logs", client).splitlines()[-1])["failures"] == []
    docker("rm", client)
