"""PostgreSQL is killed with -9 and started again, under load."""

import time

from live_stack import eventually
from postgresql_server import Container

from drills.books import Booking, count_books
from drills.callers import Callers, answered
from drills.clients import BOOKER, BOOKS, READER, READS, asking, reading, token_source, with_folder
from drills.drill import Drill
from drills.postgresql import on_postgresql
from drills.stage import Stage
from drills.tally import Row, Tally

KILLS = 2
RETRIES = 10  # of a call: two seconds apart, they outlast the restart
SOON = 60  # seconds
READ = "reads"
BOOK = "bookings"
TOKENS = "token requests"


def play(stage: Stage) -> None:
    """Kill the server under reads, bookings and token requests, and start it again."""
    stack = stage.stack
    with on_postgresql(stage, "protected-api", flushed=not stage.wrong) as servers:
        stage.start()
        reader = with_folder(stack, READER, READS, retries=RETRIES)
        booking = Booking(stack, with_folder(stack, BOOKER, BOOKS, retries=RETRIES))
        reads = Callers(reading(stack, reader), stage.tally.row(READ))
        bookings = Callers(booking.book_next, stage.tally.row(BOOK), pause=0)
        tokens = Callers(asking(stack, token_source(stack, READER)), stage.tally.row(TOKENS), threads=2)
        with reads.calling(), bookings.calling(), tokens.calling():
            for _ in range(KILLS):
                eventually(answered(bookings.row, 30), "entries are booked", SOON)
                restart(stage, servers.container, bookings.row)
        count_books(stack, booking.acknowledged, stage.tally.row(BOOK))


def restart(stage: Stage, container: Container, bookings: Row) -> None:
    """Kill the server and start it, and note after how many seconds entries are booked again."""
    container.kill()
    killed = time.monotonic()
    container.start()
    eventually(answered(bookings, 30), "entries are booked again", SOON)
    stage.tally.notes.append(f"booked again {time.monotonic() - killed:.1f} s after the kill")


def holds(tally: Tally) -> bool:
    """Return whether no call failed, and each acknowledged entry is there once."""
    return tally.all_called() and tally.failed == tally.wrong_bookings == 0


def damaged(tally: Tally) -> bool:
    """Return whether acknowledged entries are lost."""
    return (tally.rows[BOOK].lost or 0) > 0


DRILL = Drill(
    title="The database is restarted under load",
    breaks=(
        "The API keeps its timesheets in PostgreSQL, which is killed with -9 and started again under reads, "
        f"bookings and token requests, {KILLS} times."
    ),
    expects=(
        "While the database is away, calls get a 503 with `Retry-After`, and the clients send them again, up to "
        f"{RETRIES} times. So calls are late, but none fails. Every entry whose booking was acknowledged is there, once."
    ),
    left_out=(
        "The database answers a commit before it has written it: `synchronous_commit = off`, which guides "
        "recommend for speed."
    ),
    damage="Entries that were acknowledged just before the kill are lost, and nobody sends them again.",
    teaches=(
        "Acknowledge an entry when it would survive a crash, and not earlier. Until then the sender keeps it and can send "
        "it again without harm, because it has an id. And let a client retry for longer than a restart takes: at the API's "
        "`Retry-After: 2`, the job's three retries (`HTTP_RETRIES`) last six seconds."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
    seconds=240,
    needs_docker=True,
)
