"""What each rung of the ladder of client credentials costs, as a ratio to the first: `make bench`.

CPU time per request of the server's process tree, medians of rounds in one run; every round measures every
rung. Not measured: mutual TLS, which costs at the proxy.
"""

import itertools
import os
import statistics
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
from calling_service.oauth_client.dpop import DpopKey
from flow_explorer.gallery.platform_tokens import platform_token
from live_stack import Stack

from bench import load, processes, reads, refusals, token_requests

ROUNDS = 7
REQUESTS = 1000
FORM = token_requests.FORM
Requests = Callable[[], Iterator[bytes]]


class Rungs:
    """The requests of each rung, made in time for their round: a proof is good for a minute."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._key = DpopKey()
        self._api = stack.timesheets_api
        self._basic = token_requests.with_basic(stack, self._api)

    def token_requests(self) -> dict[str, Requests]:
        """Return the token requests of each rung."""
        return {
            "1 secret": lambda: itertools.repeat(self._basic),
            "2 private_key_jwt (ES256)": lambda: token_requests.with_assertions(self._stack, REQUESTS),
            "3 federated (EdDSA)": self._with_platform_tokens,
            "5 DPoP, with a secret": self._with_proofs,
        }

    def reads(self) -> dict[str, Requests]:
        """Return the reads with a token of each kind: new to the API each time, and remembered."""
        return {
            "1 bearer token, new": lambda: self._each(
                lambda: reads.read(self._stack.token("payroll-report"))
            ),
            "1 bearer token, remembered": self._with_one_token,
            "5 bound token, new, with its proof": lambda: self._each(
                lambda: self._bound(self._bound_token())
            ),
            "5 bound token, remembered, with a new proof": self._with_one_bound_token,
        }

    def _each(self, make: Callable[[], bytes]) -> Iterator[bytes]:
        return iter([make() for _ in range(REQUESTS)])

    def _with_platform_tokens(self) -> Iterator[bytes]:
        (file,) = self._stack.folder.glob(".secrets/calling-service/gallery-platform.pem")
        assertion = platform_token(file.read_text(), self._stack.issuer, time.time(), {})
        form = {"grant_type": "client_credentials", "audience": self._api, **assertion}
        return itertools.repeat(load.http("POST", "/oauth/token", FORM, urllib.parse.urlencode(form)))

    def _with_proofs(self) -> Iterator[bytes]:
        url = f"{self._stack.issuer}/oauth/token"
        return self._each(lambda: _with_header(self._basic, "DPoP", self._key.proof("POST", url)))

    def _with_one_token(self) -> Iterator[bytes]:
        return itertools.repeat(reads.read(self._stack.token("payroll-report")))

    def _with_one_bound_token(self) -> Iterator[bytes]:
        token = self._bound_token()
        return self._each(lambda: self._bound(token))

    def _bound(self, token: str) -> bytes:
        proof = self._key.proof("GET", f"{self._api}/timesheets", token)
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
        return load.http("GET", "/timesheets?limit=1", headers)

    def _bound_token(self) -> str:
        response = requests.post(
            f"{self._stack.url['auth-server']}/oauth/token",
            auth=("payroll-report", self._stack.secret("payroll-report")),
            data={"grant_type": "client_credentials", "audience": self._api},
            headers={"DPoP": self._key.proof("POST", f"{self._stack.issuer}/oauth/token")},
            timeout=10,
        )
        return str(response.json()["access_token"])


def _with_header(request: bytes, name: str, value: str) -> bytes:
    return request.replace(b"\r\n", f"\r\n{name}: {value}\r\n".encode(), 1)


def measure(port: int, master: int, rungs: dict[str, Requests]) -> None:
    """Measure the rungs of one service in rounds, and print their medians and ratios to the first."""
    cpu: dict[str, list[float]] = {name: [] for name in rungs}
    for _ in range(ROUNDS):
        for name, make in rungs.items():
            ready = make()
            before = processes.cpu_seconds(master)
            load.run(port, ready, count=REQUESTS)
            cpu[name].append((processes.cpu_seconds(master) - before) / REQUESTS)
    first = next(iter(cpu.values()))
    for name, values in cpu.items():
        ratio = statistics.median(a / b for a, b in zip(values, first, strict=True))
        print(f"  {name:<46} {statistics.median(values) * 1e6:>8.0f} {ratio:>8.2f}")


def main() -> None:
    """Start a stack with DPoP, measure, print, stop it."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.environment |= {"EXPLAIN": "0", "OVERLAY": "dpop"}
            refusals.prepare(stack)
            stack.make("up")
            rungs = Rungs(stack)
            print(f"\n{ROUNDS} rounds of {REQUESTS} requests, medians: CPU µs, ratio to the first rung")
            print("POST /oauth/token, RS256")
            measure(stack.ports["auth-server"], stack.master("auth-server"), rungs.token_requests())
            print("GET /timesheets?limit=1")
            measure(stack.ports["protected-api"], stack.master("protected-api"), rungs.reads())
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
