"""Each drill shows what it expects, each wrong twin the damage, and docs/drills.md says what they print."""

import os
import socketserver
import subprocess
import sys
from contextlib import suppress
from threading import Thread

import pytest
from live_stack import CHECKOUT

from drills.clients import session
from drills.drill import read_drills
from drills.page import PAGE, page
from drills.tally import Tally

DRILLS = read_drills()
IN_CI = ("api-down-during-import", "secret-rotated", "token-stampede")  # for the time that they take
CHOSEN = [name for name in DRILLS if name in IN_CI or os.environ.get("DRILLS") == "all"]
ENVIRONMENT = os.environ | {"PYTHONPATH": "tests-e2e:calling-service"}


def drill(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of `make drill`."""
    return subprocess.run(
        [sys.executable, "-m", "drills", *arguments],
        cwd=CHECKOUT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.long
@pytest.mark.skipif(os.environ.get("RUNTIME") == "docker", reason="they run local processes, for `make test`")
@pytest.mark.parametrize("twin", [(), ("--wrong",)], ids=["drill", "wrong-twin"])
@pytest.mark.parametrize("name", CHOSEN)
def test_a_drill_shows_what_it_is_for(name: str, twin: tuple[str, ...]) -> None:
    done = drill(name, *twin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("The damage shows." if twin else "The expectation holds.") in done.stdout


def test_the_page_has_the_texts_of_the_drills_and_what_they_printed() -> None:
    assert page(DRILLS) == PAGE.read_text()


def test_without_a_name_all_are_listed() -> None:
    done = drill()
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if line][:-1] == list(DRILLS)


def test_an_unknown_name_is_refused() -> None:
    done = drill("no-such-drill")
    assert done.returncode == 2
    assert "there is no drill no-such-drill" in done.stderr


@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_in_which_nobody_called_shows_nothing(name: str) -> None:
    for shows in (DRILLS[name].holds, DRILLS[name].damaged):
        shown = False
        with suppress(KeyError):  # of a row that there is not
            shown = shows(Tally())
        assert not shown


def test_a_table_counts_failed_and_rightly_refused_calls_apart() -> None:
    tally = Tally()
    row = tally.row("reads")
    row.add()
    row.add(reason="503")
    row.add(reason="401 invalid_token", refused_rightly=True)
    row.add(late=True)
    row.lost = 2
    tally.notes.append("0.5 s")
    assert tally.text().split() == [
        *(["calls", "failed", "refused", "rightly", "late", "booked", "twice", "lost"]),
        *(["reads", "4", "1", "1", "1", "-", "2"]),
        *(["reads:", "503", "(1)", "reads:", "401", "invalid_token", "(1)", "0.5", "s"]),
    ]
    assert (tally.failed, tally.late, tally.wrong_bookings, tally.all_called()) == (1, 1, 2, True)


class BreaksOffOnce(socketserver.StreamRequestHandler):
    """Answers the first call with the head alone, and the next ones whole."""

    calls = 0

    def handle(self) -> None:
        """Answer one call."""
        while self.rfile.readline().strip():
            pass
        BreaksOffOnce.calls += 1
        body = b"{}" if BreaksOffOnce.calls > 1 else b""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n" + body)


def test_a_client_that_repeats_calls_also_calls_again_if_an_answer_breaks_off() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), BreaksOffOnce) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        answer = session(retries=1).get(f"http://127.0.0.1:{server.server_address[1]}/", timeout=5)
        server.shutdown()
    assert answer.json() == {}
    assert BreaksOffOnce.calls == 2
