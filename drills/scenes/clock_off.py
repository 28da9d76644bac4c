"""The clock of the client's host is 90 seconds behind."""

import time

from live_stack import eventually

from drills.callers import Callers
from drills.clients import READER, READS, reading, token_source, with_folder, without_folder
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

OFF = 90  # seconds
LIFE = 6  # seconds that a token lives
READ = f"reads, with a clock {OFF} s behind"


def slow_clock() -> float:
    """Return Unix time as the client's host has it."""
    return time.time() - OFF


def play(stage: Stage) -> None:
    """Let the client call for three lives of a token."""
    stack = stage.stack
    stage.set_token_lifetime(LIFE)
    stage.start()
    if stage.wrong:
        session = without_folder(stack, READER, clock=slow_clock)
    else:
        source = token_source(stack, READER)
        source.wall_clock = slow_clock
        session = with_folder(stack, READER, READS, source)
    row = stage.tally.row(READ)
    began = time.monotonic()
    with Callers(reading(stack, session), row).calling():
        eventually(lambda: time.monotonic() - began > 3 * LIFE or None, "three tokens have lived")


def holds(tally: Tally) -> bool:
    """Return whether no call was refused."""
    return tally.all_called() and tally.failed == 0


def damaged(tally: Tally) -> bool:
    """Return whether the client sent tokens that had expired."""
    return tally.rows[READ].reasons["401 invalid_token"] > 0


DRILL = Drill(
    title="The clock of one host is 90 seconds off",
    breaks=f"The wall clock of the client's host is {OFF} seconds behind. Tokens live for {LIFE} seconds.",
    expects=(
        "No call is refused: the client counts `expires_in` from the moment of the answer, by a clock that only runs "
        "forward, and never looks at the time in a token."
    ),
    left_out="The client keeps a token until its `exp`, by the clock of its host.",
    damage="It goes on sending tokens for up to a minute and a half after they have expired, and all these calls are refused.",
    teaches=(
        "A client does not need a right clock. A server does: it compares `exp` and `iat` with its own, and "
        "`CLOCK_SKEW` (60 seconds) is all that it tolerates. Run NTP on every server; an API that is 90 seconds behind "
        "refuses each new token for its first 30 seconds."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
