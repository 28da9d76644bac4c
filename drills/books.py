"""What is booked at the end: each entry of the drill once, none lost, none twice."""

import itertools
import os
from collections import Counter
from collections.abc import Iterable

import requests
from live_stack import Stack

from drills.callers import Reason
from drills.clients import TIMEOUT, outcome
from drills.stage import Stage
from drills.tally import Row

INBOX = "calling-service/inbox"
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
BY_COMMAND = ("python", "-m", "calling_service", "run")


def import_file(stack: Stack, entries: int) -> None:
    """Put an export with so many entries into the inbox, in the place of the sample's; before the start."""
    inbox = stack.folder / INBOX
    for sample in inbox.iterdir():
        sample.unlink()
    export = inbox / "drill.csv"
    lines = (f"2026-11-09,{project_of(number)},,1.00,C-1,{number}\n" for number in range(entries))
    export.write_text(HEADER + "".join(lines))
    os.utime(export, (0, 0))  # an old file: the job does not wait for it to settle


def project_of(number: int) -> str:
    """Return the project of an entry, by which it is told apart whatever its id is."""
    return f"Entry {number}"


def run_import(stage: Stage, row: Row, *, rightly: bool = False) -> None:
    """Run an import in a process of its own and count it; `rightly`: it should fail."""
    done = stage.stack.run("stack/stack", "exec", "calling-service", *BY_COMMAND)
    row.add(reason="" if done.returncode == 0 else f"exit status {done.returncode}", refused_rightly=rightly)


def count_books(stack: Stack, entries: int | Iterable[int], row: Row) -> None:
    """Read everything that is booked, and count the entries that are lost or there twice."""
    wanted = range(entries) if isinstance(entries, int) else entries
    booked = Counter(str(timesheet["project"]) for timesheet in stack.timesheets())
    row.lost = sum(booked[project_of(number)] == 0 for number in wanted)
    row.booked_twice = sum(count - 1 for count in booked.values())


class Booking:
    """Books one entry after the other, each with an id of its own; knows which were acknowledged."""

    def __init__(self, stack: Stack, session: requests.Session) -> None:
        self.acknowledged: list[int] = []
        self._numbers = itertools.count()
        self._session = session
        self._url = f"{stack.url['protected-api']}/timesheets/upload"

    def book_next(self) -> Reason:
        """Book the next entry; return why it was not acknowledged."""
        return self.book(next(self._numbers))

    def book(self, number: int) -> Reason:
        """Book the entry with this number; return why it was not acknowledged."""
        reason = outcome(lambda: self._session.post(self._url, json=entry(number), timeout=TIMEOUT))
        if not reason:
            self.acknowledged.append(number)
        return reason


def entry(number: int) -> dict[str, str | float]:
    """Return an entry as the API takes it."""
    project = project_of(number)
    return {
        "external_id": f"drill-{number}",
        "user_id": "C-1",
        "date": "2026-11-09",
        "project": project,
        "hours": 1,
    }
