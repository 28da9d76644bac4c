"""One soak: its threads, its end, and the comparison of the books."""

import http.client
import random
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from live_stack import Stack, eventually

from proof.soak import broken, kinds
from proof.soak.books import Books
from proof.soak.faults import Faults
from proof.soak.memory import Memory
from proof.soak.tally import BROKEN, ERROR, RIGHT, WRONG, Tally
from proof.soak.target import Connections, Request, Target

STEADY = 4  # threads that send whole requests
LOOK = 20.0  # seconds between two looks at the workers
EXPORT = 10.0  # seconds between two exports
LONG = 900.0  # seconds; after a third of a longer soak, the oldest workers are left alone
NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Settings:
    """How long, how much, and how often something breaks."""

    seconds: float
    rate: float  # whole requests per second
    fault_seconds: float  # from one fault to the next
    seed: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings of the command."""
        seconds = 60 * float(environ.get("MINUTES") or 1)
        pause = float(environ.get("FAULT_SECONDS") or min(60.0, max(3.0, seconds / 15)))
        rate = float(environ.get("RATE") or 40)
        seed = int(environ.get("SEED") or 1)
        return cls(seconds, rate, pause, seed)


@dataclass
class Soak:
    """A stack, and everything that is sent to it and counted."""

    stack: Stack
    settings: Settings
    tally: Tally = field(default_factory=Tally)
    stopping: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)
    due: int = 0  # bookings that were sent in exports
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = Target(self.stack)
        self.memory = Memory(self.stack)
        self.books = Books(self.stack.folder / "calling-service/inbox")

    def run(self) -> None:
        """Send, break and look until the time is over; then import the rest and compare the books."""
        work: list[Callable[[], None]] = [partial(self._steady, index) for index in range(STEADY)]
        work += [partial(self._broken, name) for name in broken.KINDS]
        work += [self._exports, self._break, self._look]
        threads = [threading.Thread(target=self._guarded, args=(each,)) for each in work]
        for thread in threads:
            thread.start()
        try:
            self.stopping.wait(self.settings.seconds)
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()
        self._compare()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as failure:  # noqa: BLE001 it ends the soak and is reported
            self.failures.append(f"{type(failure).__name__}: {failure}")
            traceback.print_exc()
            self.stopping.set()

    def _steady(self, index: int) -> None:
        chance = random.Random(self.settings.seed * 100 + index)  # noqa: S311 a choice, no secret
        caller = kinds.Caller(self.target, Connections(self.stack), self.books, chance)
        names = list(kinds.KINDS)
        weights = [weight for _, weight in kinds.KINDS.values()]
        while not self.stopping.wait(chance.uniform(0, 2) * STEADY / self.settings.rate):
            self._send(caller, *chance.choices(names, weights))

    def _send(self, caller: kinds.Caller, name: str) -> None:
        started = time.monotonic()
        try:
            request, right = kinds.KINDS[name][0](caller)
            answer = caller.connections.send(request)
        except NO_ANSWER as failure:
            self.tally.note(name, BROKEN, started, repr(failure))
            return
        outcome = _outcome(str(answer.status), right=right(answer))
        what = f"{request.method} {request.path}: {answer.status} {answer.body}"
        self.tally.note(name, outcome, started, what)

    def _broken(self, name: str) -> None:
        send, right = broken.KINDS[name]
        chance = random.Random(f"{self.settings.seed} {name}")  # noqa: S311 a choice, no secret
        while not self.stopping.wait(1):
            started = time.monotonic()
            try:
                line = send(self.target, chance, self.stopping)
            except NO_ANSWER as failure:
                self.tally.note(name, BROKEN, started, repr(failure))
                continue
            status = line.split(" ")[1] if line else ""
            self.tally.note(name, _outcome(status, right=status in right), started, line)

    def _exports(self) -> None:
        connections = Connections(self.stack)
        while not self.stopping.wait(EXPORT):
            self.books.export()
            self._import(connections)
            with suppress(*NO_ANSWER):
                self._tidy(connections)

    def _import(self, connections: Connections) -> None:
        started = time.monotonic()
        headers = {"Content-Type": "application/json"}
        request = Request("calling-service", "POST", "/runs", headers, "{}")
        try:
            answer = connections.send(request)
        except NO_ANSWER as failure:
            self.tally.note("good: an import", BROKEN, started, repr(failure))
            return
        outcome = _outcome(str(answer.status), right=answer.status == 202)
        self.tally.note("good: an import", outcome, started, f"{answer.status} {answer.body}")

    def _tidy(self, connections: Connections) -> None:
        """Delete the exports that have been imported, as an operator does: a run reports every file."""
        runs = connections.send(Request("calling-service", "GET", "/runs")).member("runs")
        if not isinstance(runs, list) or not runs:
            return
        for file in runs[0]["files"]:
            if file["state"] == "known":
                self.books.delete(file["name"])

    def _break(self) -> None:
        faults = Faults(self.stack, self.tally, self.memory, self.stopping.wait)
        everything = faults.all()
        gentle = faults.gentle()
        is_long = self.settings.seconds > LONG
        begun = time.monotonic()
        while not self.stopping.wait(self.settings.fault_seconds):
            first_third = time.monotonic() - begun < self.settings.seconds / 3
            if is_long and not first_third:
                next(gentle)
            else:
                next(everything)

    def _look(self) -> None:
        self.memory.look()
        while not self.stopping.wait(LOOK):
            self.memory.look()
        self.memory.look()

    def _compare(self) -> None:
        self.stack.wait_until_ready()

        def imported() -> bool | None:
            run = self.stack.run_import()
            return True if run["state"] == "completed" else None

        eventually(imported, "an import ends without a failure", 60)
        self.due, self.lost, self.double = self.books.compare(self.stack.timesheets())


def _outcome(status: str, *, right: bool) -> str:
    """Return how a request ended; the status is empty if the connection was closed."""
    if right:
        return RIGHT
    if not status:
        return BROKEN
    return ERROR if status.startswith("5") else WRONG
