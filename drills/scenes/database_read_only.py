"""The database takes no writes for some seconds, as after a failover to a standby."""

import time

import requests
from live_stack import Stack, eventually
from postgresql_server import Container

from drills.books import Booking, count_books
from drills.callers import Call, Callers, answered
from drills.clients import (
    BOOKER,
    BOOKS,
    READER,
    READS,
    TIMEOUT,
    asking,
    outcome,
    reading,
    token_source,
    with_folder,
)
from drills.drill import Drill
from drills.postgresql import on_postgresql, set_read_only
from drills.stage import Stage
from drills.tally import Tally

FOR = 6  # seconds
RETRIES = 10  # of a call: two seconds apart, they outlast that
SOON = 60  # seconds
READ = "reads"
BOOK = "bookings"
TOKENS = "token requests"
READY = "readiness checks while read-only"
DATABASE = "protected-api/protected_api/postgresql/database.py"


def play(stage: Stage) -> None:
    """Make the database read-only under load, and writable again."""
    stack = stage.stack
    if stage.wrong:
        let_the_check_only_read(stack)
    with on_postgresql(stage, "protected-api") as servers:
        stage.start()
        reader = with_folder(stack, READER, READS, retries=RETRIES)
        booking = Booking(stack, with_folder(stack, BOOKER, BOOKS, retries=RETRIES))
        reads = Callers(reading(stack, reader), stage.tally.row(READ))
        bookings = Callers(booking.book_next, stage.tally.row(BOOK))
        tokens = Callers(asking(stack, token_source(stack, READER)), stage.tally.row(TOKENS), threads=2)
        with reads.calling(), bookings.calling(), tokens.calling():
            eventually(answered(bookings.row, 30), "entries are booked", SOON)
            refuse_writes(stage, servers.container)
            eventually(answered(bookings.row, 30), "entries are booked again", SOON)
        count_books(stack, booking.acknowledged, stage.tally.row(BOOK))


def let_the_check_only_read(stack: Stack) -> None:
    """Let the API of this copy be ready as soon as it can read."""
    writes = '"UPDATE timesheets_schema SET version = version"'
    stack.edit(DATABASE, writes, '"SELECT version FROM timesheets_schema"')


def refuse_writes(stage: Stage, container: Container) -> None:
    """Make the database read-only for a while, and ask the API all the time whether it is ready."""
    checks = Callers(not_ready(stage.stack), stage.tally.row(READY), threads=1, pause=0.1)
    set_read_only(container, True)
    with checks.calling():
        time.sleep(FOR)
    set_read_only(container, False)


def not_ready(stack: Stack) -> Call:
    """Return a call that fails unless the API says that it is not ready."""
    url = f"{stack.url['protected-api']}/readyz"

    def check() -> str:
        reason = outcome(lambda: requests.get(url, timeout=TIMEOUT))
        return "" if reason == "503" else "says that it is ready"

    return check


def holds(tally: Tally) -> bool:
    """Return whether no call failed, the checks told the truth, and each entry is there once."""
    return tally.all_called() and tally.failed == tally.wrong_bookings == 0


def damaged(tally: Tally) -> bool:
    """Return whether the API said that it was ready while nothing could be booked."""
    return tally.rows[READY].failed > 0


DRILL = Drill(
    title="The database is read-only",
    breaks=(
        f"For {FOR} seconds the API's PostgreSQL refuses every write, as a former primary does after a failover. Open "
        "connections to it stay open."
    ),
    expects=(
        "Bookings get a 503 with `Retry-After`, and so do reads, since the API leaves a server that it cannot write to. The "
        "clients send these calls again: they are answered late, and each entry is booked once. The readiness check "
        "says that the API cannot serve."
    ),
    left_out="The readiness check only reads.",
    damage="It says that the API is ready while nothing can be booked, so that a proxy would go on sending bookings to it.",
    teaches=(
        "A check that only reads notices that the database is down, but not that it is read-only or full. Let the check "
        "write. And treat SQLSTATE 25006 (read-only transaction) as a lost connection: after a failover, a connection "
        "that is still open leads to the wrong server."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
    seconds=240,
    needs_docker=True,
)
