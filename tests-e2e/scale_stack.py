"""The stack of deploy/scale for the tests: services of two replicas, some of which may be killed at random.

Not here: which tests `make test-scale` runs on it (on_scale.py).
"""

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from calling_service.oauth_client.private_key_jwt import client_assertion
from live_stack import Stack, eventually, free_ports

SEED = 17  # of the order and the times of the kills
REPLICAS = {
    "auth-server": ("auth-server", "auth-server-b"),
    "protected-api": ("protected-api", "protected-api-b"),
    "calling-service": ("calling-service",),
}
FORM = {"grant_type": "client_credentials"}
ADDRESSES = {"auth-server": ("auth", 9000), "protected-api": ("api", 9001)}  # network, port


class ScaleStack(Stack):
    """A stack with OVERLAY=scale; `url` leads to the proxy, `urls` to the replicas."""

    composed_by = "deploy/scale/compose.yml"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (port,) = free_ports(1)
        self.url_b = f"http://127.0.0.1:{port}"  # of the second import job
        self.environment |= {"OVERLAY": "scale", "CALLING_SERVICE_B_PORT": str(port)}
        self._touched = threading.RLock()  # held by whoever stops and starts replicas, or needs them all
        self._stopped: set[str] = set()

    def compose(self, *arguments: str) -> str:
        """Run docker compose on this stack and return what it printed."""
        files = f"docker-compose.yml{os.pathsep}deploy/scale/compose.yml"
        command = ("docker", "compose", *arguments)
        return self.run(*command, COMPOSE_PROJECT_NAME=self.project, COMPOSE_FILE=files).stdout

    def make(self, *targets: str, **environment: str) -> str:
        """Run make while nothing is killed; return what it printed."""
        with self._touched:
            return super().make(*targets, **environment)

    def inside(self, service: str, *command: str) -> str:
        """Run a program where a service runs, while nothing is killed; return what it printed."""
        with self._touched:
            return super().inside(service, *command)

    def start(self, *services: str) -> None:
        """Start all replicas of services that are stopped."""
        with self._touched:
            super().start(*(replica for service in services for replica in REPLICAS[service]))
            self._stopped -= {*services}

    def stop(self, *services: str) -> None:
        """Stop all replicas of services; nobody starts them meanwhile."""
        with self._touched:
            self._stopped |= {*services}
            super().stop(*(replica for service in services for replica in REPLICAS[service]))

    def logs(self, service: str) -> str:
        """Return everything that the replicas of a service have printed."""
        replicas = REPLICAS.get(service, (service,))
        return "".join(super(ScaleStack, self).logs(replica) for replica in replicas)

    def container(self, name: str) -> str:
        """Return the id of a container, by its name in deploy/scale/compose.yml."""
        return self.compose("ps", "--all", "--quiet", name).strip()

    def inspected(self, *names: str) -> list[dict[str, Any]]:
        """Return what Docker knows about containers; without names, about those that run."""
        ids = self.compose("ps", "--quiet", *(["--all", *names] if names else [])).split()
        shown: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", *ids).stdout)
        return shown

    def docker(self, *command: str) -> None:
        """Run docker; fail if it fails."""
        done = self.run("docker", *command)
        assert done.returncode == 0, done.stderr

    def urls(self, service: str) -> list[str]:
        """Return the addresses of the replicas of a server, past the proxy."""
        return [self._url(replica) for replica in REPLICAS[service]]

    def _url(self, replica: str) -> str:
        network, port = ADDRESSES[replica.removesuffix("-b")]
        (state,) = self.inspected(replica)
        address = state["NetworkSettings"]["Networks"][f"{self.project}_{network}"]["IPAddress"]
        return f"http://{address}:{port}"

    def kill(self, replica: str, away: float) -> None:
        """Kill a replica (-9), start it after some seconds, and wait until the proxy has it back."""
        container = self.container(replica)
        self.docker("kill", "--signal", "KILL", container)
        threading.Event().wait(away)
        self.docker("start", container)
        self._wait_for(replica)

    def replace(self, replica: str) -> None:
        """Stop a replica gracefully, put a new container in its place, and wait until the proxy has it."""
        self._verb("start", "--force-recreate", replica)
        self._wait_for(replica)

    def _wait_for(self, replica: str) -> None:
        url = self._url(replica)
        eventually(lambda: is_ready(url) or None, f"{replica} is ready", seconds=120)
        threading.Event().wait(3)  # the proxy looks every second, and waits two for an answer

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Kill nothing during the block."""
        with self._touched:
            yield

    @contextmanager
    def complete(self) -> Iterator[bool]:
        """Keep others from stopping replicas during the block; yield whether all are there."""
        with self._touched:
            yield not self._stopped

    def drop(self) -> None:
        """Remove everything of the copy, in which nothing is killed any more."""
        with self._touched:
            self._stopped |= REPLICAS.keys()
            super().drop()

    def play(self, case: str) -> dict[str, Any]:
        """Play a case, again if it met a replica that was killed: the gallery repeats nothing."""
        play = super().play
        return eventually(lambda: without_outage(play(case)), "replicas answer")

    def ask_for_token(self, client_id: str, *, secret: str | None = None, **form: str) -> requests.Response:
        """Ask for a token, again if the proxy had no answer: it repeats no POST by itself."""
        ask = super().ask_for_token
        return eventually(lambda: served(ask(client_id, secret=secret, **form)), "a replica answers")

    def api(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """Call the Timesheets API, again if the proxy had no answer."""
        call = super().api
        return eventually(lambda: served(call(method, path, token, **options)), "a replica answers")

    def credentials(self, client_id: str) -> tuple[str, str]:
        """Return a client's id and secret."""
        return client_id, self.secret(client_id)

    def assertion(self) -> dict[str, str]:
        """Return the form of a token request with a new assertion of the Approvals Bot."""
        key = self.secret("approvals-bot.pem")
        return FORM | client_assertion("approvals-bot", self.issuer, key, time.time())


def is_ready(url: str) -> bool:
    """Return whether a server answers there, and is ready."""
    try:
        return requests.get(f"{url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


class Kills:
    """Kill one replica after the other, at random, of the stack that is in use; `killed` names them."""

    def __init__(self, seed: int) -> None:
        self.stack: ScaleStack | None = None
        self.killed: list[str] = []
        self._chance = random.Random(seed)  # noqa: S311
        self._over = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Kill in a thread during the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._chance.uniform(1, 6)):
            if self.stack:
                self._kill_one(self.stack)

    def _kill_one(self, stack: ScaleStack) -> None:
        replica = self._chance.choice(REPLICAS[self._chance.choice(("auth-server", "protected-api"))])
        away = self._chance.uniform(0, 3)
        with stack.complete() as complete:
            if complete and not self._over.is_set():
                self.killed.append(replica)
                stack.kill(replica, away)


def without_outage(run: dict[str, Any]) -> dict[str, Any] | None:
    """Return the run of a case, unless it met a replica that was killed."""
    return None if 503 in [each["status"] for each in run["exchanges"]] else run


def served(answer: requests.Response) -> requests.Response | None:
    """Return the answer, unless it is the proxy's own: no replica was there, or the chosen one died."""
    by_proxy = answer.status_code == 503 and answer.headers.get("Server") == "Caddy"
    return None if by_proxy else answer
