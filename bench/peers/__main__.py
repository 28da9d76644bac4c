"""Measure token requests and reads beside the peers, and print one table: `make bench-peers`.

ROUNDS (5) and SECONDS (3) of each measurement are settings, for a quick trial. Everything runs on loopback
and is stopped at the end. Every round measures every row, so that a noisy machine affects all of them; a
ratio is the median of the rounds' ratios. What is not equal is printed below the table.
"""

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from live_stack import INVOICES, Stack

from bench import load, processes, reads, token_requests
from bench.peers import generator, programs, table, tokens

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "3"))
CONNECTIONS = (8, 32)
SEEN = 20  # answers whose text an error shows, before the load
NEW_TOKENS = 8192  # sent in turn: a worker remembers 1,024 tokens, and has forgotten one when it comes again
SERVERS = ("gunicorn", "granian")
BARE = "For scale: a bare Flask view that reads a form"


@dataclass(slots=True)
class Row:
    """One line of the table: what answers where, what is sent to it, and what each round measured."""

    group: str
    name: str
    port: int
    process: int
    requests: Path
    measured: dict[int, list[table.Figures]] = field(default_factory=dict)
    sent: int = 0  # so that a measurement goes on where the last one ended

    def warm_up(self) -> None:
        """Send as much as is measured, so that Node has compiled what it runs; raise if a request fails."""
        requests = itertools.cycle(self.requests.read_bytes().split(b"\0"))
        load.run(self.port, requests, count=SEEN)
        self._send(max(CONNECTIONS))

    def measure(self, connections: int) -> None:
        """Measure once and keep the figures."""
        before = processes.tree_cpu_seconds(self.process)
        sent = self._send(connections)
        cpu = (processes.tree_cpu_seconds(self.process) - before) / sent.count
        figures = table.Figures(sent.count / sent.seconds, sent.p50, sent.p99, cpu, sent.share)
        self.measured.setdefault(connections, []).append(figures)

    def _send(self, connections: int) -> generator.Sent:
        sent = generator.send(self.port, self.requests, connections, SECONDS, self.sent)
        self.sent += sent.count
        return sent

    @property
    def memory(self) -> float:
        """Return the proportional set size of the largest worker now, in MiB."""
        return max(processes.pss_mib(self.process))


def write(folder: Path, name: str, requests: Iterable[bytes]) -> Path:
    """Write requests into a file, as the load generators read them, and return the file."""
    path = folder / f"{name}.requests"
    path.write_bytes(b"\0".join(requests))
    return path


@contextmanager
def rows(folder: Path) -> Iterator[list[Row]]:
    """Start everything; yield the rows, in each group the peer first."""
    with ExitStack() as running:
        jwks_uri = running.enter_context(tokens.key_set())
        stacks = [running.enter_context(programs.ours(folder, server, jwks_uri)) for server in SERVERS]
        page = stacks[0].api("GET", "/timesheets?limit=1", tokens.sign(stacks[0], programs.SCOPE)).json()
        issuer = running.enter_context(programs.authorization_server(folder))
        api = running.enter_context(programs.api(folder, jwks_uri, stacks[0], page))
        bare = [running.enter_context(programs.bare_flask(stack)) for stack in stacks]
        found = [*token_rows(folder, stacks, issuer), *read_rows(folder, stacks, api)]
        form = write(folder, "form", [token_requests.with_basic(stacks[0], INVOICES)])
        found += [Row(BARE, server, *where, form) for server, where in zip(SERVERS, bare, strict=True)]
        yield found


def token_rows(folder: Path, stacks: Sequence[Stack], issuer: tuple[int, int]) -> Iterator[Row]:
    """Yield the rows of token requests, by the algorithm of the signature."""
    for alg, resource in (("ES256", INVOICES), ("RS256", programs.RS256_API)):
        group = f"Token, signed with {alg}"
        theirs = token_requests.of(programs.CLIENT, programs.SECRET, resource=resource)
        yield Row(group, "node-oidc-provider", *issuer, write(folder, f"peer-{alg}", [theirs]))
        for server, stack in zip(SERVERS, stacks, strict=True):
            audience = token_requests.audiences(stack)[alg]
            ours = write(folder, f"{server}-{alg}", [token_requests.with_basic(stack, audience)])
            yield Row(group, f"ours, {server}", *at(stack, "auth-server"), ours)


def read_rows(folder: Path, stacks: Sequence[Stack], api: tuple[int, int]) -> Iterator[Row]:
    """Yield the rows of reads: with one token, and with tokens that no worker remembers."""
    for group, count in (("Read, the token remembered", 1), ("Read, each token new, ES256", NEW_TOKENS)):
        sent = [reads_of(folder, stack, count) for stack in stacks]
        yield Row(group, "express-oauth2-jwt-bearer", *api, sent[0])
        for server, stack, file in zip(SERVERS, stacks, sent, strict=True):
            yield Row(group, f"ours, {server}", *at(stack, "protected-api"), file)


def reads_of(folder: Path, stack: Stack, count: int) -> Path:
    """Write reads with so many tokens for the stack's API into a file, and return it."""
    requests = (reads.read(tokens.sign(stack, programs.SCOPE)) for _ in range(count))
    return write(folder, f"{stack.folder.name}-{count}-reads", requests)


def at(stack: Stack, service: str) -> tuple[int, int]:
    """Return the port and the process id of a service."""
    return stack.ports[service], stack.master(service)


def main() -> None:
    """Install the peers, start everything, measure in rounds, print, stop everything."""
    if shutil.which("npm") is None:
        sys.exit(
            "make bench-peers needs Node 20 or newer with npm: the peers run on it. make bench needs neither."
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs.install(folder)
        with rows(folder) as measured:
            for row in measured:
                row.warm_up()
            for connections in CONNECTIONS * ROUNDS:
                for row in measured:
                    row.measure(connections)
            table.report(measured, folder, ROUNDS, SECONDS)


if __name__ == "__main__":
    main()
