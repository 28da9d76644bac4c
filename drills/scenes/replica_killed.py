"""One of two replicas of the API is killed with -9, again and again, under load."""

import os
import signal
import time

import requests
from live_stack import eventually

from drills.books import Booking, count_books
from drills.callers import Callers
from drills.clients import BOOKER, BOOKS, READER, READS, reading, with_folder, without_folder
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

KILLS = 3
READ = "reads"
BOOK = "bookings"


def play(stage: Stage) -> None:
    """Start a second replica on the same port and the same database, and kill it under load."""
    stack = stage.stack
    stage.start()
    booking = Booking(stack, _session(stage, BOOKER, BOOKS))
    reads = Callers(reading(stack, _session(stage, READER, READS)), stage.tally.row(READ), threads=6, pause=0)
    bookings = Callers(booking.book_next, stage.tally.row(BOOK), threads=4, pause=0)
    for callers in (reads, bookings):
        callers.late = 3.0
    with reads.calling(), bookings.calling():
        for _ in range(KILLS):
            kill_a_replica(stage)
            time.sleep(1)
    count_books(stack, booking.acknowledged, stage.tally.row(BOOK))
    stage.tally.notes.append(f"killed {KILLS} times")


def _session(stage: Stage, client_id: str, scope: str) -> requests.Session:
    """Return a session that makes a connection for each call, so that the kernel deals out each call."""
    stack = stage.stack
    session = without_folder(stack, client_id) if stage.wrong else with_folder(stack, client_id, scope)
    session.headers["Connection"] = "close"
    return session


def kill_a_replica(stage: Stage) -> None:
    """Start a replica, and kill it with its workers after it has served for a moment."""
    replica = stage.begin_instance("protected-api")
    eventually(lambda: stage.serves("protected-api", replica) or None, "the second replica serves")
    time.sleep(1)  # of ordinary calls
    os.killpg(replica.pid, signal.SIGKILL)
    replica.wait()


def holds(tally: Tally) -> bool:
    """Return whether no call failed, and each booking that was answered is there once."""
    return tally.all_called() and tally.failed == tally.wrong_bookings == 0


def damaged(tally: Tally) -> bool:
    """Return whether calls failed."""
    return tally.failed > 0


DRILL = Drill(
    title="A replica is killed with -9",
    breaks=(
        f"The API has two replicas on one port and one database, and the kernel divides the connections between them. "
        f"One of them is killed with -9, {KILLS} times, while clients read and book without a pause."
    ),
    expects=(
        "The connections of the dead replica are reset, and the clients send these calls again, also those whose "
        "answer broke off. They reach the other replica. No call fails, and every booking that was answered is there, once."
    ),
    left_out="The client sends no call again.",
    damage="Each call that was on its way to the dead replica fails, and its sender cannot know whether it was booked.",
    teaches=(
        "No server can promise that a call is answered: a process that is killed sends no more answers. Replicas help "
        "only clients that send a call again, and that is safe because each booking has an id that its sender gave it."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
