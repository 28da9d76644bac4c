"""The authorization server is down for longer than a token lives."""

import time

import requests
from live_stack import eventually

from drills.books import count_books, import_file, run_import
from drills.callers import Callers, answered
from drills.clients import READER, READS, reading, with_folder, without_folder
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Row, Tally

LIFE = 10  # seconds that a token lives; the folder renews it at half of that
AT_LEAST_LEFT = 4  # seconds that the token in use lives at any moment
ENTRIES = 300
LIVES = "reads while a token lives"
UNTIL_BACK = "reads until the return"
BACK = "reads after the return"
IMPORT = "imports"


def play(stage: Stage) -> None:
    """Stop the server, wait until tokens have expired, start it again."""
    stack = stage.stack
    stage.set_token_lifetime(LIFE)
    import_file(stack, ENTRIES)
    stage.start()
    rows = {name: stage.tally.row(name) for name in (LIVES, UNTIL_BACK, BACK, IMPORT)}
    callers = Callers(reading(stack, _reader(stage)), rows[LIVES])
    with callers.calling():
        eventually(answered(rows[LIVES], 50), "calls are answered")
        stack.stop("auth-server")
        wait_until_expired(callers, rows[UNTIL_BACK])
        run_import(stage, rows[IMPORT], rightly=True)
        start_again(stage, rows[UNTIL_BACK])
        callers.count_in(rows[BACK])
        eventually(answered(rows[BACK], 50), "calls are answered")
    run_import(stage, rows[IMPORT])
    count_books(stack, ENTRIES, rows[IMPORT])


def _reader(stage: Stage) -> requests.Session:
    if stage.wrong:
        return without_folder(stage.stack, READER, each_time=True)
    return with_folder(stage.stack, READER, READS)


def wait_until_expired(callers: Callers, row: Row) -> None:
    """Return when a call has no token; count in this row as soon as the token may have expired."""
    time.sleep(AT_LEAST_LEFT)
    callers.count_in(row, rightly=lambda reason: reason.startswith("not sent"))
    eventually(lambda: row.refused + row.failed > 0 or None, "the token expires")


def start_again(stage: Stage, row: Row) -> None:
    """Start the server, and note after how many seconds a call is answered again."""
    stage.stack.start("auth-server")
    returned = time.monotonic()
    eventually(answered(row, 1), "a call is answered again")
    stage.tally.notes.append(f"answered again {time.monotonic() - returned:.1f} s after the return")


def holds(tally: Tally) -> bool:
    """Return whether no call failed that had a token, and the import is whole."""
    return (
        tally.all_called()
        and tally.failed == tally.wrong_bookings == 0
        and tally.rows[UNTIL_BACK].refused > 0
    )


def damaged(tally: Tally) -> bool:
    """Return whether calls failed although a token would still have been valid."""
    return tally.rows[LIVES].failed > 0


DRILL = Drill(
    title="The authorization server is down for longer than a token lives",
    breaks=f"Tokens live for {LIFE} seconds. The authorization server stops, and starts again after they have expired.",
    expects=(
        "As long as a token lives, every call is answered: the API checks tokens by itself, with keys that it has. "
        "After that the client sends nothing, because it has no token. An import that begins then fails as a whole, "
        "and the next one books every entry. Once the server is back, calls are answered, and nothing has to be restarted."
    ),
    left_out="The client asks for a token before each call, instead of keeping it as the copied folder does.",
    damage="Its calls fail from the first second of the outage.",
    teaches=(
        "As long as a client has a token, it does not need the authorization server. If it renews its token before the "
        "token expires, it does not notice an outage that is shorter than the time that is left: with tokens that live "
        "for an hour and are renewed a minute before the end, that is between a minute and an hour."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
