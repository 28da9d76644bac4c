"""Both databases are backed up under load, destroyed, and restored."""

import shutil

from live_stack import Stack, eventually

from drills.books import Booking, count_books
from drills.callers import Callers, answered
from drills.clients import BOOKER, BOOKS, READER, READS, TIMEOUT, outcome, session, token_source, with_folder
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Row, Tally

# The command of docs/production.md.
BACK_UP = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', sys.argv[2:])"
DATABASES = {"auth-server": "auth-server.db", "protected-api": "timesheets.db"}
BOOK = "bookings"
OLD = "reads with a token from before"
NEW = "reads with a new token"
AGAIN = "bookings sent again"


def play(stage: Stage) -> None:
    """Back up under load, destroy, restore; then read with tokens from before, and book again."""
    stack = stage.stack
    stage.start()
    rows = {name: stage.tally.row(name) for name in (BOOK, OLD, NEW, AGAIN)}
    old = new_token(stack)
    booking = Booking(stack, with_folder(stack, BOOKER, BOOKS))
    backed_up = back_up_under_load(stage, booking, rows[BOOK])
    stack.stop(*DATABASES)
    for service, database in DATABASES.items():
        restore(stack, service, database)
    stack.start(*DATABASES)
    stack.wait_until_ready()
    count_books(stack, backed_up, rows[BOOK])
    rows[OLD].add(reason=read_with(stack, old))
    rows[NEW].add(reason=read_with(stack, new_token(stack)))
    since = len(booking.acknowledged) - len(backed_up)
    for number in list(booking.acknowledged):
        rows[AGAIN].add(reason=booking.book(number))
    count_books(stack, booking.acknowledged, rows[AGAIN])
    stage.tally.notes.append(f"acknowledged before the backup: {len(backed_up)}, after it: {since}")


def new_token(stack: Stack) -> str:
    """Return a token with which timesheets can be read."""
    return token_source(stack, READER).get(stack.timesheets_api, [READS]).value


def back_up_under_load(stage: Stage, booking: Booking, row: Row) -> list[int]:
    """Back up while entries are booked; return those that had been acknowledged before."""
    with Callers(booking.book_next, row).calling():
        eventually(answered(row, 200), "entries are booked")
        before = list(booking.acknowledged)
        for service in DATABASES:
            back_up(stage, service)
        eventually(answered(row, 100), "entries are booked")
    return before


def back_up(stage: Stage, service: str) -> None:
    """Write a copy of a service's database while it runs; the twin copies the file."""
    data = stage.stack.state / service
    source = data / DATABASES[service]
    copy = stage.stack.folder / "backup" / DATABASES[service]
    copy.parent.mkdir(exist_ok=True)
    if stage.wrong:
        shutil.copy(source, copy)
    else:
        stage.stack.inside(service, "python", "-c", BACK_UP, str(source), str(copy))


def restore(stack: Stack, service: str, database: str) -> None:
    """Destroy everything that a service has stored, and put the copy in its place."""
    data = stack.state / service
    shutil.rmtree(data)
    data.mkdir()
    shutil.copy(stack.folder / "backup" / database, data / database)


def read_with(stack: Stack, token: str) -> str:
    """Read with a token; return why that failed."""
    url = f"{stack.url['protected-api']}/timesheets?limit=1"
    headers = {"Authorization": f"Bearer {token}"}
    return outcome(lambda: session(3).get(url, headers=headers, timeout=TIMEOUT))


def holds(tally: Tally) -> bool:
    """Return whether the copy is whole, tokens from before are good, and the books are equal in the end."""
    return tally.all_called() and tally.failed == tally.wrong_bookings == 0


def damaged(tally: Tally) -> bool:
    """Return whether entries that were acknowledged before the backup are lost."""
    return (tally.rows[BOOK].lost or 0) > 0


DRILL = Drill(
    title="Back up, destroy, restore",
    breaks="Both SQLite databases are copied while entries are booked. Some bookings later, both are deleted and the copies are restored.",
    expects=(
        "Each copy is a whole database of one moment: every entry that was acknowledged before it is there, and the signing "
        "keys in it can be decrypted, so that tokens from before the restore are still good. What was booked after the "
        "copy is lost with the database; sent again, every entry is booked once."
    ),
    left_out="The database's file is copied as it is, with `cp`.",
    damage="What SQLite has not yet moved from its write-ahead log into that file is missing, or the file is torn.",
    teaches=(
        "Only a copy that has been restored once is a backup. Let the database write its own copy, keep the key-encryption key apart "
        "from it, and know how to send again what came after the copy: the job does that with `--resend`."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
