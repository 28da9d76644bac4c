"""Run the rows of infrastructure, each with its recipe, before a stack that they share."""

import base64
import datetime
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interop import presenting, recipes_running
from interop.infrastructure_measures import Place, accepts, columns
from interop.our_issuer import OTHER_ALG, OurIssuer
from interop.presenting import Present
from interop.recorder import Answer, Recorder
from interop.rows import Measured, Row, each
from live_stack import Stack, free_ports


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


@contextmanager
def running(row: Row, shared: Site) -> Iterator[Place]:
    """Run a row's program, with the gate beside it where it asks one, until it accepts a good token."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # the programs run as other users
        port, gate_port = free_ports(2)
        replaced = shared.replaced(port, gate_port)
        if row.extra.get("keys"):
            recipes_running.export_keys(shared.issuer.jwks_uri, folder)
        recipes_running.write_recipe(row, folder, replaced)
        if row.extra.get("gate"):
            closing.enter_context(recipes_running.gate(gate_port, replaced, folder))
            recipes_running.wait_until(lambda: presenting.is_open(gate_port), "the gate listens")
        container = closing.enter_context(recipes_running.started(row, folder))
        present = _present(row, port, container)
        recipes_running.wait_until(lambda: presenting.is_open(port), f"{row.name} listens")
        recipes_running.wait_until(
            lambda: accepts(present, shared.issuer.token()), f"{row.name} accepts a good token"
        )
        yield Place(present, f"http://localhost:{port}", folder)


def _present(row: Row, port: int, container: str) -> Present:
    match row.extra.get("protocol", "http"):
        case "imap":
            return presenting.imap(port)
        case "amqp":
            return presenting.amqp(port, container)
    return presenting.http(port)
