"""The API dies in the middle of an import, after it has booked a chunk and before it says so."""

import os
import signal
import time

from live_stack import eventually

from drills.books import count_books, import_file, run_import
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally
from drills.wire import Wire

ENTRIES = 5_000
CHUNK = 4  # whose answer is lost
DOWN = 5  # seconds: longer than the job's retries take
IMPORT = f"imports of {ENTRIES:,} entries"
API = "calling-service/calling_service/import_job/timesheets_api.py"


def play(stage: Stage) -> None:
    """Kill the API when it answers a chunk, let the import fail, start the API, import again."""
    stack = stage.stack
    row = stage.tally.row(IMPORT)
    import_file(stack, ENTRIES)
    if stage.wrong:
        send_new_ids_each_time(stage)
    with Wire(stack.ports["protected-api"]) as wire:
        stack.edit("docker-compose.yml", "API_URL: http://protected-api:9001", f"API_URL: {wire.url}")
        stage.start()
        wire.lose_answer(CHUNK, lambda: os.killpg(stack.master("protected-api"), signal.SIGKILL))
        began = time.monotonic()
        run_import(stage, row, rightly=True)
        eventually(lambda: time.monotonic() - began > DOWN or None, "the API has been down for long enough")
        stack.start("protected-api")
        run_import(stage, row)
    count_books(stack, ENTRIES, row)
    stage.tally.notes.append(
        f"killed when it had booked chunk {CHUNK} of {ENTRIES // 500} and not answered yet"
    )


def send_new_ids_each_time(stage: Stage) -> None:
    """Let the job of this copy make an id each time it sends an entry, instead of the export's."""
    stage.stack.edit(API, "import re\n", "import re\nimport secrets\n")
    stage.stack.edit(
        API,
        "[entry._asdict() for entry in entries]",
        '[entry._asdict() | {"external_id": secrets.token_hex(8)} for entry in entries]',
    )


def holds(tally: Tally) -> bool:
    """Return whether the first import failed and said so, and the second made everything right."""
    return tally.failed == tally.wrong_bookings == 0 and tally.rows[IMPORT].refused == 1


def damaged(tally: Tally) -> bool:
    """Return whether entries are booked twice."""
    return (tally.rows[IMPORT].booked_twice or 0) > 0


DRILL = Drill(
    title="The API is down in the middle of an import",
    breaks=(
        "The API is killed with -9 at the worst moment: it has booked a chunk of 500 entries, and has not sent the "
        f"answer. It stays down for {DOWN} seconds, longer than the job's retries take."
    ),
    expects=(
        "The import fails, and says so by its exit status. The next import sends what the first could not finish, "
        "the booked chunk too, and every entry is booked once."
    ),
    left_out="The job makes a new id each time it sends an entry, instead of sending the id that the entry has in the export.",
    damage="The chunk whose answer was lost is booked twice, and so are those before it, which the second import sends again.",
    teaches=(
        "A sender without an answer does not know what happened, and must be able to send again. Two things make "
        "that harmless: each entry has an id before it is sent for the first time, and the database has a unique "
        "constraint on that id. Retries or transactions alone are not enough."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
