"""Steal what the client of a rung has and sends, and let thieves try it at four moments."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from calling_service.oauth_client.tls_client_certificate import present
from calling_service.oauth_client.token_source import TokenError
from live_stack import CHECKOUT, Stack, eventually

from theft.door import Door, self_signed
from theft.page import Round, renewed, rows
from theft.recording_proxy import RecordingProxy
from theft.rungs import RUNGS, Rung, tenant
from theft.thief import API, TOKEN, Loot

THIEF = Path(__file__).with_name("thief.py")
IMPORTS = {"PYTHONPATH": str(CHECKOUT / "calling-service")}
TOKEN_PATH, API_PATH = "/oauth/token", "/timesheets"
SERVICES = ("auth-server", "protected-api")
THREADS = 4
CERTIFIED = next(rung for rung in RUNGS if rung.mtls)
MORE_SETTINGS = """LOG_LEVEL: DEBUG
      MTLS: "1"
      TRUSTED_PROXIES: 127.0.0.1"""


@dataclass(eq=False)
class Experiment:
    """The clients of the rungs on one stack, and by client and theft the rounds of the thieves."""

    stack: Stack
    rounds: dict[str, dict[str, list[Round]]] = field(default_factory=dict)

    def page(self, page: str) -> str:
        """Do the experiment; return the page with what happened."""
        self._start()
        with Door(
            servers={"/oauth/": self.stack.issuer, "/": self.stack.timesheets_api},
            trusted=(self._credentials[CERTIFIED.client_id], self._certificate_of_thieves),
            folder=self.stack.folder,
        ) as self._door:
            self._steal_and_try()
        return renewed(page, [line for rung in RUNGS for line in rows(rung, self.rounds[rung.client_id])])

    def _start(self) -> None:
        """Start the stack, in which tokens can be bound, with the clients of the rungs."""
        self.stack.environment |= {"RUNTIME": "local", "OVERLAY": "dpop"}
        self.stack.edit("docker-compose.yml", "LOG_LEVEL: INFO", MORE_SETTINGS)
        both = "TENANT_FILE: tenant.yaml,/run/secrets/theft.yaml"
        self.stack.edit("docker-compose.yml", "TENANT_FILE: tenant.yaml", both)
        folder = self.stack.folder / ".secrets/auth-server"
        folder.mkdir(parents=True)
        (folder / "theft.yaml").write_text(tenant(self.stack))
        self._credentials = {rung.client_id: rung.equip(self.stack) for rung in RUNGS}
        self._certificate_of_thieves = self_signed("thief")
        self.stack.make("up")

    def _steal_and_try(self) -> None:
        """Try at once and again, after the expiry, and after the replacement."""
        loots: dict[str, dict[str, Loot]] = {}
        for rung in RUNGS:
            rung.write(self.stack, self._credentials[rung.client_id])
            loots[rung.client_id] = self._steal(rung)
            self.rounds[rung.client_id] = self._try_each(rung, loots[rung.client_id])
        wait_until_all_tokens_have_expired(self.stack)
        self._try_later(loots)
        replace_all_credentials(self.stack)
        self._try_later(loots)

    def _try_later(self, loots: Mapping[str, Mapping[str, Loot]]) -> None:
        for rung in RUNGS:
            for theft, (first, _) in self._try_each(rung, loots[rung.client_id]).items():
                self.rounds[rung.client_id][theft].append(first)

    def _steal(self, rung: Rung) -> dict[str, Loot]:
        """Return what was stolen, by theft, while the client works."""
        with self._at_work(rung) as wire:
            stolen: dict[str, Loot] = {
                "disk": {path.name: path.read_text() for path in rung.disk(self.stack).iterdir()},
                "token request": {"wire": wire.requests[TOKEN_PATH]},
                "token response": {"wire": wire.answers[TOKEN_PATH]},
                "API request": {"wire": wire.requests[API_PATH]},
                "log of tokens": {"log": "\n".join(wire.log)},
                "logs of our servers": {service: self.stack.logs(service) for service in SERVICES},
            }
        for name, path in {"token request": TOKEN_PATH, "API request": API_PATH}.items():
            with self._at_work(rung, keep_back=path) as wire:
                stolen[f"{name}, kept back"] = {"wire": wire.requests[path]}
        return stolen

    @contextmanager
    def _at_work(self, rung: Rung, keep_back: str = "") -> Iterator[RecordingProxy]:
        """Let the client do its work through a proxy; yield what the proxy has."""
        with requests.Session() as session, RecordingProxy() as proxy:
            session.trust_env = False
            session.proxies = {"http": proxy.url}
            wire = proxy
            if rung.mtls:
                wire = self._door
                session.verify = str(self._door.own)
                credential = rung.disk(self.stack) / "credential"
                present(session, credential, credential)
            wire.keep_back = keep_back
            try:
                rung.read(self.stack, session, self._servers(rung))
            except TokenError:
                assert keep_back == TOKEN_PATH
            wire.keep_back = ""
            yield wire

    def _servers(self, rung: Rung) -> dict[str, str]:
        """Return the addresses of the servers, as everybody knows them."""
        if rung.mtls:
            return {TOKEN: f"{self._door.address}{TOKEN_PATH}", API: self._door.address}
        return {TOKEN: f"{self.stack.issuer}{TOKEN_PATH}", API: self.stack.timesheets_api}

    def _try_each(self, rung: Rung, loots: Mapping[str, Loot]) -> dict[str, list[Round]]:
        """Give each loot to a thief of its own; return two rounds of each."""
        common = {"servers": self._servers(rung), "certificate": self._certificate_of_thieves}
        tasks = [{"loot": loot, **common} for loot in loots.values()]
        with ThreadPoolExecutor(THREADS) as threads:
            return dict(zip(loots, threads.map(send_a_thief, tasks), strict=True))


def send_a_thief(task: Mapping[str, Any]) -> list[Round]:
    """Run a process that gets the task on its standard input, and has nothing else."""
    done = subprocess.run(
        [sys.executable, str(THIEF)],
        input=json.dumps(task),
        env=IMPORTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rounds: list[Round] = json.loads(done.stdout)
    return rounds


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
