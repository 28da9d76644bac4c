"""Both databases in PostgreSQL are dumped under load, dropped, and restored."""

from live_stack import Stack, eventually

from drills.books import Booking, count_books
from drills.callers import Callers, answered
from drills.clients import BOOKER, BOOKS, with_folder
from drills.drill import Drill
from drills.postgresql import Postgresql, on_postgresql
from drills.scenes.restore import new_token, read_with
from drills.stage import Stage
from drills.tally import Tally

SERVICES = ("auth-server", "protected-api")
SOON = 60  # seconds
BOOK = "bookings before the dump"
OLD = "reads with a token from before"
NEW = "reads with a new token"
LATER = "bookings from then on"


def play(stage: Stage) -> None:
    """Dump under load, drop, restore; then read with tokens from before, and send later bookings again."""
    stack = stage.stack
    rows = {name: stage.tally.row(name) for name in (BOOK, OLD, NEW, LATER)}
    with on_postgresql(stage, *SERVICES) as servers:
        stage.start()
        old = new_token(stack)
        booking = Booking(stack, with_folder(stack, BOOKER, BOOKS))
        bookings = Callers(booking.book_next, rows[BOOK])
        with bookings.calling():
            eventually(answered(rows[BOOK], 50), "entries are booked", SOON)
            bookings.count_in(rows[LATER])
            before = list(booking.acknowledged)
            dumps = {service: dump(servers, service) for service in SERVICES}
            eventually(answered(rows[LATER], 20), "entries are booked", SOON)
        replace_databases(stack, servers, dumps)
        rows[OLD].add(reason=read_with(stack, old))
        rows[NEW].add(reason=read_with(stack, new_token(stack)))
        count_books(stack, before, rows[BOOK])
        later = [number for number in booking.acknowledged if number not in before]
        if not stage.wrong:
            for number in later:
                rows[LATER].add(reason=booking.book(number))
        count_books(stack, later, rows[LATER])


def replace_databases(stack: Stack, servers: Postgresql, dumps: dict[str, bytes]) -> None:
    """Stop the services, make their databases again from these dumps, and start the services."""
    stack.stop(*SERVICES)
    for service, dumped in dumps.items():
        restore(servers, service, dumped)
    forget_key_set(stack)
    stack.start(*SERVICES)
    stack.wait_until_ready()


def dump(servers: Postgresql, service: str) -> bytes:
    """Return a dump of a service's database."""
    return servers.run("pg_dump", "--format=custom", servers.databases[service].name)


def restore(servers: Postgresql, service: str, dumped: bytes) -> None:
    """Drop a service's database, and make it again from a dump."""
    database = servers.databases[service]
    servers.run("dropdb", database.name)
    servers.run("createdb", f"--owner={database.user}", database.name)
    servers.run("pg_restore", "--exit-on-error", f"--dbname={database.name}", given=dumped)


def forget_key_set(stack: Stack) -> None:
    """Delete the key set that the API keeps, so that it has to fetch the restored one."""
    (stack.state / "protected-api/jwks.json").unlink(missing_ok=True)


def holds(tally: Tally) -> bool:
    """Return whether the dump is whole, tokens from before are good, and the books are equal in the end."""
    return tally.all_called() and tally.failed == tally.wrong_bookings == 0


def damaged(tally: Tally) -> bool:
    """Return whether entries that were acknowledged after the dump are lost."""
    return (tally.rows[LATER].lost or 0) > 0


DRILL = Drill(
    title="Dump, drop, restore, with PostgreSQL",
    breaks=(
        "Both servers keep their data in PostgreSQL. `pg_dump` copies the two databases while entries are booked. Some "
        "bookings later both are dropped, and `pg_restore` makes them again."
    ),
    expects=(
        "Each dump is a database of one moment: every entry that was acknowledged before it is there, and the signing keys "
        "in it can be decrypted, so that tokens from before the restore are still good. What was booked later is sent "
        "again, and every entry is booked once."
    ),
    left_out="Nothing is sent again after the restore.",
    damage="The entries that were acknowledged after the dump are lost.",
    teaches=(
        "A dump has nothing that came after its beginning. That must come from somewhere else: from the sender, here "
        "with `--resend`, or from the archive of PostgreSQL's write-ahead log."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
    seconds=240,
    needs_docker=True,
)
