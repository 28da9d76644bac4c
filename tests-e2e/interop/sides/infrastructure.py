"""Run the rows of infrastructure: show a table of tokens to each, then withdraw keys and show more."""

import base64
import datetime
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from interop import doors, recipes_running
from interop.doors import LET_IN, Door
from interop.our_issuer import OTHER_ALG, OddToken, OurIssuer, odd_tokens
from interop.recorder import Answer, Recorder
from interop.rows import Measured, Row, each
from live_stack import Stack, free_ports

JWKS = "/.well-known/jwks.json"
ALGORITHMS = ("RS256", "ES256", "EdDSA")
SECONDS_AGO = (2, 20, 55, 70)  # how long a token has expired


@dataclass(frozen=True, slots=True)
class Site:
    """What all rows share: a stack, its issuer, and an API that answers everything with 200."""

    stack: Stack
    issuer: OurIssuer
    api: Recorder

    def replaced(self, port: int, gate: int) -> dict[str, str]:
        """Return what stands in this run for the addresses and secrets of the recipes."""
        ports = self.stack.ports
        secret = self.stack.secret("timesheets-api")
        api = self.api.url["api"].rpartition(":")[2]
        return {
            "localhost:9000": f"localhost:{ports['auth-server']}",
            "port_value: 9000": f"port_value: {ports['auth-server']}",
            "localhost:9001": f"localhost:{ports['protected-api']}",
            "127.0.0.1:9001": f"127.0.0.1:{api}",
            "port_value: 9001": f"port_value: {api}",
            "127.0.0.1:9400": f"127.0.0.1:{gate}",
            "8080": str(port),
            "BASIC": base64.b64encode(f"timesheets-api:{secret}".encode()).decode(),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """A program that runs: its door, its address, and the folder of its recipe."""

    door: Door
    url: str
    folder: Path


def run(rows: list[Row]) -> Measured:
    """Run rows, one at a time, with a stack of their own; return what each measured."""
    recipes_running.build_image()
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as shared:
        return each(rows, lambda row: run_row(row, shared), at_once=1)


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Start a stack whose tenant uses all three algorithms, and that forgets keys at once."""
    stack = Stack(folder / "checkout")
    stack.environment["RUNTIME"] = "local"
    stack.edit(
        "docker-compose.yml",
        "      TENANT_FILE: tenant.yaml\n",
        '      TENANT_FILE: tenant.yaml\n      CACHE_TTL: "0"\n',
    )
    stack.edit(
        "auth-server/tenant.yaml", "# A client has one or two", f"{OTHER_ALG}\n# A client has one or two"
    )
    try:
        done = stack.run("stack/stack", "up")
        assert done.returncode == 0, done.stdout + done.stderr
        with Recorder({"api": "127.0.0.1"}, lambda _: Answer(200)) as api:
            yield Site(stack, OurIssuer(stack), api)
    finally:
        stack.drop()


def run_row(row: Row, shared: Site) -> dict[str, Any]:
    """Run one row; return its date, its versions and its columns."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    versions = recipes_running.versions(row)
    with running(row, shared) as place:
        return {"date": today, "versions": versions, **columns(row, place, shared.issuer)}


def columns(row: Row, place: Place, issuer: OurIssuer) -> dict[str, Any]:
    """Return what one row does with the table of tokens, and when keys are withdrawn."""
    return {**_checks(row, place.door, issuer), **_keys(row, place, issuer)}


@contextmanager
def running(row: Row, shared: Site) -> Iterator[Place]:
    """Run a row's program, with the gate beside it where it asks one, until it lets a good token in."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # the programs run as other users
        port, gate_port = free_ports(2)
        replaced = shared.replaced(port, gate_port)
        if row.extra.get("keys"):
            recipes_running.export_keys(shared.issuer.url + JWKS, folder)
        recipes_running.write_recipe(row, folder, replaced)
        if row.extra.get("gate"):
            closing.enter_context(recipes_running.gate(gate_port, replaced, folder))
            recipes_running.wait_until(lambda: doors.is_open(gate_port), "the gate listens")
        container = closing.enter_context(recipes_running.started(row, folder))
        door = _door(row, port, container)
        recipes_running.wait_until(lambda: doors.is_open(port), f"{row.name} listens")
        recipes_running.wait_until(
            lambda: _lets_in(door, shared.issuer.token()), f"{row.name} lets a good token in"
        )
        yield Place(door, f"http://localhost:{port}", folder)


def _door(row: Row, port: int, container: str) -> Door:
    match row.extra.get("door", "http"):
        case "imap":
            return doors.imap(port)
        case "amqp":
            return doors.amqp(port, container)
    return doors.http(port)


def _lets_in(door: Door, token: str) -> bool:
    with suppress(requests.RequestException, OSError):
        return door(token) in LET_IN
    return False


def _checks(row: Row, door: Door, issuer: OurIssuer) -> dict[str, Any]:
    """Return which tokens of the table got in, and what the others got."""
    left_out = row.extra.get("left_out", [])
    said = {name: door(issuer.token(odd)) for name, odd in odd_tokens().items() if name not in left_out}
    said["a bad signature"] = door(_tampered(issuer.token()))
    said["a missing token"] = door(None)
    of_algorithms = {name: said.pop(name) for name in ("ES256", "EdDSA")}
    refused = {name: status for name, status in said.items() if status not in LET_IN}
    return {
        "algorithms": ["RS256", *(name for name, status in of_algorithms.items() if status in LET_IN)],
        **{f"refuses_{status}": names for status, names in _by_status(refused).items()},
        "lets_in": [name for name in said if name not in refused],
        "leeway": _leeway(door, issuer),
    }


def _tampered(token: str) -> str:
    message, _, signature = token.rpartition(".")
    return f"{message}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _by_status(refused: dict[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, status in refused.items():
        grouped.setdefault(status, []).append(name)
    return grouped


def _leeway(door: Door, issuer: OurIssuer) -> str:
    """Return for how long after its expiry a token gets in."""
    now = int(time.time())
    taken = [
        seconds
        for seconds in SECONDS_AGO
        if door(issuer.token(OddToken(claims={"iat": now - 600, "exp": now - seconds}))) in LET_IN
    ]
    if not taken:
        return "none"
    return "60 s" if max(taken) == 55 else f"{max(taken)} s or more"


def _keys(row: Row, place: Place, issuer: OurIssuer) -> dict[str, str]:
    """Withdraw the signing key and the next one, and return how the program learns of both."""
    door = place.door
    former = [issuer.token() for _ in range(3)]
    door(former[0])  # now it has seen this one
    issuer.replace_keys()
    if row.extra.get("keys"):
        recipes_running.export_keys(issuer.url + JWKS, place.folder)
    at_once = door(former[1]) not in LET_IN
    learns = _lets_in(door, issuer.token())
    afterwards = not any(door(token) in LET_IN for token in (former[0], former[2]))
    withdrawn = "with the new key" if afterwards else "later"
    return {
        "new_key": "at once" if learns else "later",
        "withdrawn_key": "at once" if at_once else withdrawn,
    }
