"""A cold start: many threads need their first token at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

from drills.callers import Callers
from drills.clients import READER, READS, reading, with_folder, without_folder
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

THREADS = 200
FIRST = "first calls"
ASKED = "token requests"


def play(stage: Stage) -> None:
    """Let all threads make their first call at once; count the token requests in the server's log."""
    stack = stage.stack
    stage.start()
    before = stack.logs("auth-server").count("/oauth/token")
    if stage.wrong:
        session = without_folder(stack, READER)
    else:
        session = with_folder(stack, READER, READS)
    callers = Callers(reading(stack, session), stage.tally.row(FIRST), threads=0)
    callers.late = 3.0  # for the last of so many calls at once
    together = threading.Barrier(THREADS)

    def first_call(_: int) -> None:
        together.wait()
        callers.call_once()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(first_call, range(THREADS)))
    stage.tally.row(ASKED).calls = stack.logs("auth-server").count("/oauth/token") - before


def holds(tally: Tally) -> bool:
    """Return whether all calls were answered with one token."""
    return tally.rows[FIRST].calls == THREADS and tally.failed == 0 and tally.rows[ASKED].calls == 1


def damaged(tally: Tally) -> bool:
    """Return whether there was a stampede."""
    return tally.rows[ASKED].calls > 1  # how many depends on the machine


DRILL = Drill(
    title="A token stampede at a cold start",
    breaks=f"A client starts with {THREADS} threads, and each of them needs a token at the same moment.",
    expects="One thread asks for the token and the others wait for it: one token request, and no call fails.",
    left_out="The threads share a token once there is one, but nothing keeps them from asking for it at the same time.",
    damage="Many threads ask for a token of their own, just when the server is busiest.",
    teaches=(
        "After an outage all clients come at once. A cache does not help while it is empty. What helps is to have one "
        "request in flight for each token, whose result or error all threads share."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
