"""Steal what the client of a rung has and sends, and let thieves try it at four moments."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from calling_service.oauth_client.token_source import TokenError
from live_stack import CHECKOUT, Stack, eventually

from theft.page import Round, renewed, rows
from theft.recording_proxy import RecordingProxy
from theft.rungs import RUNGS, Rung, tenant
from theft.thief import Loot

THIEF = Path(__file__).with_name("thief.py")
IMPORTS = {"PYTHONPATH": str(CHECKOUT / "calling-service")}
TOKEN_PATH, API_PATH = "/oauth/token", "/timesheets"
SERVICES = ("auth-server", "protected-api")
THREADS = 4


@dataclass(eq=False)
class Experiment:
    """The clients of the rungs on one stack, and by client and theft the rounds of the thieves."""

    stack: Stack
    rounds: dict[str, dict[str, list[Round]]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Start the stack, in which tokens can be bound, with the clients of the rungs."""
        self.stack.environment |= {"RUNTIME": "local", "OVERLAY": "dpop"}
        self.stack.edit("docker-compose.yml", "LOG_LEVEL: INFO", "LOG_LEVEL: DEBUG")
        both = "TENANT_FILE: tenant.yaml,/run/secrets/theft.yaml"
        self.stack.edit("docker-compose.yml", "TENANT_FILE: tenant.yaml", both)
        folder = self.stack.folder / ".secrets/auth-server"
        folder.mkdir(parents=True)
        (folder / "theft.yaml").write_text(tenant(self.stack))
        self._write = {rung.client_id: rung.equip(self.stack) for rung in RUNGS}
        self.stack.make("up")

    def page(self, page: str) -> str:
        """Do the experiment; return the page with what happened."""
        self.prepare()
        self.run()
        return renewed(page, [line for rung in RUNGS for line in rows(rung, self.rounds[rung.client_id])])

    def run(self) -> None:
        """Steal, and try at once and again, after the expiry, and after the replacement."""
        loots: dict[str, dict[str, Loot]] = {}
        for rung in RUNGS:
            self._write[rung.client_id]()
            loots[rung.client_id] = steal(self.stack, rung)
            self.rounds[rung.client_id] = try_each(loots[rung.client_id])
        wait_until_all_tokens_have_expired(self.stack)
        self._try_later(loots)
        replace_all_credentials(self.stack)
        self._try_later(loots)

    def _try_later(self, loots: Mapping[str, Mapping[str, Loot]]) -> None:
        for client_id, of_rung in loots.items():
            for theft, (first, _) in try_each(of_rung).items():
                self.rounds[client_id][theft].append(first)


def steal(stack: Stack, rung: Rung) -> dict[str, Loot]:
    """Return what was stolen, by theft, while the client works."""
    disk = rung.disk(stack)
    with at_work(stack, rung) as wire:
        stolen: dict[str, Loot] = {
            "disk": {path.name: path.read_text() for path in disk.iterdir()},
            "token request": {"wire": wire.requests[TOKEN_PATH]},
            "token response": {"wire": wire.answers[TOKEN_PATH]},
            "API request": {"wire": wire.requests[API_PATH]},
            "log of tokens": {"log": "\n".join(wire.log)},
            "logs of our servers": {service: stack.logs(service) for service in SERVICES},
        }
    for name, path in {"token request": TOKEN_PATH, "API request": API_PATH}.items():
        with at_work(stack, rung, keep_back=path) as wire:
            stolen[f"{name}, kept back"] = {"wire": wire.requests[path]}
    return stolen


@contextmanager
def at_work(stack: Stack, rung: Rung, keep_back: str = "") -> Iterator[RecordingProxy]:
    """Let the client do its work through a proxy; yield what the proxy has."""
    with RecordingProxy(keep_back) as wire, requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": wire.url}
        try:
            rung.read(stack, session)
        except TokenError:
            assert keep_back == TOKEN_PATH
        yield wire


def try_each(loots: Mapping[str, Loot]) -> dict[str, list[Round]]:
    """Give each loot to a thief of its own; return two rounds of each."""
    with ThreadPoolExecutor(THREADS) as threads:
        return dict(zip(loots, threads.map(send_a_thief, loots.values()), strict=True))


def send_a_thief(loot: Loot) -> list[Round]:
    """Run a process that gets the loot on its standard input, and has nothing else."""
    done = subprocess.run(
        [sys.executable, str(THIEF)],
        input=json.dumps(loot),
        env=IMPORTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [
        [(each[0], each[1], each[2], each[3]) for each in attempts] for attempts in json.loads(done.stdout)
    ]


def wait_until_all_tokens_have_expired(stack: Stack) -> None:
    """Wait until the API refuses a token that is newer than all stolen ones, and lives as long."""
    secret = (RUNGS[0].disk(stack) / "credential").read_text()
    answer = stack.ask_for_token(RUNGS[0].client_id, secret=secret, audience=stack.timesheets_api)
    token = answer.json()["access_token"]
    eventually(
        lambda: True if stack.api("GET", "/timesheets", token).status_code == 401 else None, "it expires", 60
    )


def replace_all_credentials(stack: Stack) -> None:
    """Do what an operator does who has noticed the theft."""
    for rung in RUNGS:
        rung.equip(stack)
    stack.stop("auth-server")
    stack.start("auth-server")  # which applies the tenant, and remembers no old credential
    stack.wait_until_ready()
