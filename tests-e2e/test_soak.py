"""The soak (docs/soak.md): what it counts as wrong, and a short one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from proof.soak.books import Books
from proof.soak.broken import wire
from proof.soak.tally import AFTER, BROKEN, ERROR, RIGHT, WRONG, Bad, Tally
from proof.soak.target import Request


@pytest.mark.parametrize(("outcome", "explained"), [(WRONG, False), (ERROR, True), (BROKEN, True)])
@pytest.mark.parametrize("ended", [11, 20, 31])
def test_a_fault_explains_a_missing_answer_but_no_wrong_one(
    outcome: str, explained: bool, ended: float
) -> None:
    tally = Tally(windows=[(10, 30)])
    assert tally.explained(Bad("kind", outcome, ended - 2, ended, "")) is explained


@pytest.mark.parametrize(("started", "ended"), [(8, 9), (30, 31)])
def test_what_a_fault_does_not_overlap_it_does_not_explain(started: float, ended: float) -> None:
    bad = Bad("kind", ERROR, started, ended, "")
    assert not Tally(windows=[(10, 30)]).explained(bad)
    assert Tally(windows=[(10, 30)], bad=[bad]).unexplained() == [bad]


def test_a_row_tells_what_a_fault_explains_from_what_nothing_does() -> None:
    tally = Tally()
    tally.note("a", RIGHT, 0, "")
    tally.note("a", WRONG, 0, "")
    with tally.fault("kill"):
        tally.note("a", ERROR, 0, "")
    tally.bad.append(Bad("a", BROKEN, tally.windows[0][1] + AFTER, tally.windows[0][1] + 2 * AFTER, ""))
    assert tally.rows() == [("a", 3, 1, 0, 1, 1)]
    assert tally.faults == {"kill": 1}


def test_the_books_find_what_is_lost_double_or_was_never_sent(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.export()
    first, second = books.direct_entry(), books.direct_entry()
    books.confirm(first)
    assert len((tmp_path / "soak-0.csv").read_text().splitlines()) == 21
    booked: list[dict[str, object]] = [{"project": f"export 0 row {row}"} for row in range(19)]
    assert books.compare([*booked, {"project": second["project"]}]) == (
        21,
        ["export 0 row 19", first["project"]],
        [],
    )
    booked += [{"project": "export 0 row 19"}, {"project": first["project"]}]
    assert books.compare([*booked, booked[0], {"project": "never"}]) == (21, [], ["export 0 row 0", "never"])


def test_a_request_on_the_wire_has_its_length() -> None:
    head, body = wire(Request("auth-server", "POST", "/a", {"X": "y"}, "ü"))
    assert head == b"POST /a HTTP/1.1\r\nHost: localhost\r\nX: y\r\nContent-Length: 2\r\n\r\n"
    assert body == b"\xc3\xbc"


@pytest.mark.long
def test_no_answer_is_wrong_and_no_booking_lost_while_services_are_killed(checkout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "proof.soak"],
        check=False,
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": f"{checkout}/tests-e2e", "MINUTES": "0.5", "RATE": "20"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"kill -9 of a (worker|service): \S+ +1\n", done.stdout)
    assert re.search(r"bookings: [1-9][0-9,]* due, 0 lost, 0 booked twice or never sent\n", done.stdout)
