"""The sample exports of other tools, imported in a running stack, and what a spreadsheet makes of a file."""

import csv
import io
import re
import shutil
from datetime import datetime
from pathlib import Path

from live_stack import CHECKOUT, Stack

SAMPLES = CHECKOUT / "calling-service/sample-exports"
TOOLS = tuple(sorted(path.stem for path in SAMPLES.glob("*.csv")))
ENTRIES = 12  # in each sample
JOB = (  # with an inbox and a state folder of its own
    'STATE_DIR="$STATE_DIR/$0" INBOX="inbox/$0" EXPORT_FORMAT="$1" SETTLE_SECONDS=0.01'
    " exec python -m calling_service run"
)
DATE = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}")
TIME = re.compile(r"([0-9]{1,2}:[0-9]{2})(:[0-9]{2})?( [AP]M)?")
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def inbox(stack: Stack, tool: str) -> Path:
    """Return the tool's inbox in the stack, with the sample in it."""
    folder = stack.folder / "calling-service/inbox" / tool
    folder.mkdir(exist_ok=True)
    shutil.copy(SAMPLES / f"{tool}.csv", folder / "week.csv")
    return folder


def import_as(stack: Stack, tool: str, export_format: str = "") -> tuple[int, str]:
    """Import the tool's inbox; return the exit status and what was printed."""
    options = (tool, export_format or tool)
    done = stack.run("stack/stack", "exec", "calling-service", "sh", "-c", JOB, *options)
    return done.returncode, done.stdout + done.stderr


def booked(stack: Stack, tool: str) -> list[dict[str, object]]:
    """Return the entries that are booked from this tool."""
    return [entry for entry in stack.timesheets() if str(entry["external_id"]).startswith(f"{tool}-")]


def saved_anew(text: str, *, american: bool) -> str:
    """Return a CSV file as LibreOffice saves it anew, with the formats of American English or German."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter="," if american else ";", lineterminator="\n")
    for row in csv.reader(io.StringIO(text, newline="")):
        writer.writerow([_shown(cell, american=american) for cell in row])
    return written.getvalue()


def _shown(cell: str, *, american: bool) -> str:
    if NUMBER.fullmatch(cell):
        number = f"{float(cell):.15g}"
        return number if american else number.replace(".", ",")
    time = TIME.fullmatch(cell)
    if time:
        minutes, seconds, half = time.groups("")
        form = "%I:%M:%S %p" if half else "%H:%M:%S"
        moment = datetime.strptime(minutes + (seconds or ":00") + half, form)  # noqa: DTZ007  a time of day
        return moment.strftime("%I:%M:%S %p" if american else "%H:%M:%S")
    if american and DATE.fullmatch(cell):
        return cell[:6] + cell[8:]
    return cell
