"""Measure the import job on one big file: `make bench-import`, or with ROWS=1000000 for the million.

It prints the job's rows per second and peak memory, and how many rows per second the API alone accepts from
one connection, in chunks of the job's size and in smaller ones. Everything runs as local processes with the
settings of docker-compose.yml.
"""

import itertools
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from live_stack import Stack

from bench import load
from bench.load import http

ROWS = int(os.environ.get("ROWS", "100000"))
CHUNKS = (100, 500)  # rows per upload; the last is the job's
ROWS_ALONE = 50_000
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
JOB = """
from pathlib import Path
from calling_service.cli import main
try:
    main(["run"])
finally:
    print(Path("/proc/self/status").read_text())
"""


def entry(number: int) -> dict[str, str]:
    """Return an entry without its id, one of many people, projects and dates: they cost the API time."""
    date = f"2026-11-{number % 28 + 1:02}"
    person = f"C-{number % 900}"
    return {"date": date, "project": f"Project {number % 50}", "hours": "7.25", "user_id": person}


def export(rows: int) -> Iterator[str]:
    """Yield the lines of an export."""
    yield HEADER
    for number in range(rows):
        date, project, hours, person = entry(number).values()
        yield f'{date},{project},"a note, quoted",{hours},{person},{number}\n'


def uploads(token: str, chunk: int) -> Iterator[bytes]:
    """Yield uploads of the entries of the export, with other ids."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for first in itertools.count(step=chunk):
        numbers = range(first, first + chunk)
        entries = [{"external_id": f"alone-{chunk}-{each}", **entry(each)} for each in numbers]
        yield http("POST", "/timesheets/upload", headers, json.dumps({"entries": entries}))


def measure_api_alone(stack: Stack, chunk: int) -> float:
    """Send uploads of this size, print how many rows per second the API accepts, and return it."""
    token = stack.token("timesheets-import-job", scope="batch:upload")
    port = stack.ports["protected-api"]
    measured = load.run(port, uploads(token, chunk), count=ROWS_ALONE // chunk, connections=1)
    rate = measured.rate * chunk
    print(f"the API alone, one connection, {chunk} rows an upload: {rate:,.0f} rows/s")
    return rate


def measure_job(stack: Stack, alone: float) -> None:
    """Import the big file; print the job's rate, also as a share of the API's alone, and its memory."""
    big = stack.folder / "calling-service/inbox/big.csv"
    with big.open("w") as file:
        file.writelines(export(ROWS))
    os.utime(big, (0, 0))  # an old file: the job does not wait for it to settle
    started = time.perf_counter()
    printed = stack.inside("calling-service", "python", "-c", JOB)
    rate = ROWS / (time.perf_counter() - started)
    booked = re.search(r"big\.csv +done .*booked", printed)
    peak = re.search(r"VmHWM:\s+([0-9]+) kB", printed)
    if not booked or not peak:
        raise SystemExit(printed)
    print(booked[0])
    memory = f"peak memory {int(peak[1]) / 1024:.0f} MiB"
    print(f"the job: {rate:,.0f} rows/s, {rate / alone:.0%} of that; {memory}")


def main() -> None:
    """Start the stack, measure, print, stop everything."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.make("up")
            alone = [measure_api_alone(stack, chunk) for chunk in CHUNKS]
            measure_job(stack, alone[-1])
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
