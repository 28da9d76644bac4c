"""`kill -9` at points spread over a whole run, then a start: nothing lost, nothing twice.

A point is a call or return in the modules that read, write or send, of their own functions or of the library
functions that they call: before and after each write to the ledger, each line of the rejects file, each token
call and upload. A profile function in the process counts them. KILL_POINTS says how many are tried.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import calling_service
import pytest

pytestmark = pytest.mark.long
POINTS = int(os.environ.get("KILL_POINTS", "5"))
FOLDER = Path(calling_service.__file__).parents[1]
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
BOOKED_BEFORE = {
    "external_id": "950",
    "user_id": "C-1",
    "date": "2026-11-09",
    "project": "P",
    "hours": "1.00",
}
COUNT_POINTS = """
import json, os, signal, sys
from calling_service.cli import main

last, number, points = int(sys.argv.pop(1)), 0, {}
modules = {
    *(f"calling_service.import_job.{name}" for name in ("job", "inbox", "ledger", "rejects")),
    "calling_service.import_job.timesheets_api",
    *(f"calling_service.{name}" for name in ("database", "runs.history", "runs.runner")),
    *(f"calling_service.oauth_client.{name}" for name in ("token_source", "bearer_auth")),
    "recording.recorder",
}

def count(frame, event, function):
    global number
    if frame.f_globals["__name__"] in modules:
        number += 1
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)
        called = f" {function.__qualname__}" if event.startswith("c_") else ""
        points.setdefault(f"{event}{called} in {frame.f_code.co_qualname}", []).append(number)

try:
    sys.setprofile(count)
    main(["run"])
finally:
    sys.setprofile(None)
    print("\\n" + json.dumps(points))
"""


class Inbox:
    """Two exports with good, bad, unreadable, repeated and changed rows, and a state folder of their own."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self.rejects = root / "state" / "rejects"
        self._environ = environ | {"INBOX": str(root / "inbox"), "STATE_DIR": str(root / "state")}
        (root / "inbox").mkdir(parents=True)
        conflict = [(950, "2"), (950, "3"), (950, "1")]  # the last as BOOKED_BEFORE, where that is
        rows = [*((n, "1") for n in range(730)), *conflict, (9, '"'), (3, "25"), (4, "2")]
        self._write(root / "inbox" / "a.csv", rows)
        self._write(root / "inbox" / "b.csv", [(900, "1"), (5, "1"), (6, "x"), (901, "2")])

    def _write(self, path: Path, rows: list[tuple[int, str]]) -> None:
        lines = (f"2026-11-09,P,note {number},{hours},C-1,{number}\n" for number, hours in rows)
        path.write_text(HEADER + "".join(lines))

    def import_all(self, *, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the import in a process of its own, killed at a point or not."""
        return subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-c", COUNT_POINTS, str(kill_at)],
            cwd=FOLDER,
            env={**os.environ, **self._environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def rejected(self) -> dict[str, str]:
        """Return the rejects files."""
        return {path.name: path.read_text() for path in self.rejects.iterdir()}


def spread_over(run: dict[str, list[int]]) -> dict[str, int]:
    """Return POINTS of a run's points and of each the first time that it is reached, or one amid them."""
    names = [list(run)[len(run) * (2 * number + 1) // (2 * POINTS)] for number in range(POINTS)]
    return {name: run[name][0 if number % 2 else len(run[name]) // 2] for number, name in enumerate(names)}


def test_killed_at_any_point_and_started_again_books_each_entry_once(
    tmp_path: Path, environ: dict[str, str], api: Any
) -> None:
    times_booked: Counter[str] = Counter()
    book, turn = api._book, threading.Lock()

    def counted(entries: list[dict[str, Any]]) -> Any:
        with turn:
            new = {entry["external_id"] for entry in entries} - set(api.books)
            answer = book(entries)
            times_booked.update(new & set(api.books))
            return answer

    api._book = counted
    api.books = {"950": BOOKED_BEFORE}
    whole = Inbox(tmp_path / "whole", environ)
    done = whole.import_all()
    assert done.returncode == 3, done.stderr
    points = spread_over(json.loads(done.stdout.splitlines()[-1]))
    expected = dict(api.books)
    assert len(expected) == 733
    for point, number in points.items():
        api.books = {"950": BOOKED_BEFORE}
        times_booked.clear()
        inbox = Inbox(tmp_path / str(number), environ)
        assert inbox.import_all(kill_at=number).returncode == -signal.SIGKILL, point
        assert inbox.import_all().returncode in {0, 3}, "0 if all was done and only the report was cut off"
        assert api.books == expected, f"killed at {point}, which is {number}"
        assert set(times_booked.values()) == {1}
        assert inbox.rejected() == whole.rejected()


@pytest.mark.parametrize("crash", [0, 2000])  # of an instance before them, at this point; 0: none
def test_two_instances_on_one_inbox_book_each_entry_once(
    tmp_path: Path, environ: dict[str, str], api: Any, crash: int
) -> None:
    inbox = Inbox(tmp_path / "shared", environ)
    if crash:
        assert inbox.import_all(kill_at=crash).returncode == -signal.SIGKILL
    api.requests.clear()
    with ThreadPoolExecutor(2) as threads:
        ends = [done.returncode for done in threads.map(lambda _: inbox.import_all(), range(2))]
    sent = Counter(entry["external_id"] for request in api.requests for entry in request.json["entries"])
    assert set(sent.values()) == {1}, "the second waits for the first, and finds its work done"
    assert (len(api.books), ends.count(3) >= 1, set(ends) <= {0, 3}) == (733, True, True)


def test_an_instance_takes_over_when_the_one_that_it_waited_for_dies(
    tmp_path: Path, environ: dict[str, str], api: Any
) -> None:
    inbox, first_call, joined = Inbox(tmp_path / "shared", environ), threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        if not first_call.is_set():
            first_call.set()
            joined.wait(20)

    api.on_call = hold
    command = [sys.executable, "-m", "calling_service", "run"]
    options: Any = {"cwd": FOLDER, "env": {**os.environ, **inbox._environ}, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **options) as first:  # noqa: S603  # our own program
        assert first_call.wait(20)
        with subprocess.Popen(command, **options) as second:  # noqa: S603
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(1)  # it waits for the run that is on
            first.kill()
            first.wait(10)
            joined.set()
            assert second.wait(20) == 3
    assert len(api.books) == 733
