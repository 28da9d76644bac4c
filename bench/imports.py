"""Measure the import job on one big file: `make bench-import`, or with ROWS=1000000 for the million.

Everything runs as local processes with the settings of docker-compose.yml: rows per second and peak memory of
the job, beside what the API alone takes from one connection that sends chunks of the same size.
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
from bench.__main__ import http

ROWS = int(os.environ.get("ROWS", "100000"))
CHUNK, CHUNKS_ALONE = 100, 200
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
JOB = """
from pathlib import Path
from calling_service.cli import main
try:
    main(["run"])
finally:
    print(Path("/proc/self/status").read_text())
"""


def export(rows: int) -> Iterator[str]:
    """Yield the lines of an export."""
    yield HEADER
    for number in range(rows):
        date, person = f"2026-11-{number % 28 + 1:02}", f"C-{number % 900}"
        yield f'{date},Project {number % 50},"a note, quoted",7.25,{person},{number}\n'


def chunks() -> Iterator[bytes]:
    """Yield the bodies of uploads of entries that are not in the export."""
    for number in itertools.count():
        yield json.dumps(
            {
                "entries": [
                    {
                        "external_id": f"alone-{number}-{index}",
                        "user_id": "C-1",
                        "date": "2026-11-09",
                        "project": "P",
                        "hours": "7.25",
                    }
                    for index in range(CHUNK)
                ]
            }
        ).encode()


def main() -> None:
    """Start the stack, import, measure, print, stop everything."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.make("up")
            headers = {
                "Authorization": f"Bearer {stack.token('timesheets-import-job', scope='batch:upload')}",
                "Content-Type": "application/json",
            }
            uploads = (http("POST", "/timesheets/upload", headers, body.decode()) for body in chunks())
            port = stack.ports["protected-api"]
            alone = load.run(port, uploads, count=CHUNKS_ALONE, connections=1).rate * CHUNK
            with (stack.folder / "calling-service/inbox/big.csv").open("w") as file:
                file.writelines(export(ROWS))
            started = time.perf_counter()
            printed = stack.inside("calling-service", "python", "-c", JOB)
            rate = ROWS / (time.perf_counter() - started)
        finally:
            stack.drop()
    booked = re.search(r"big\.csv +done .*booked", printed)
    peak = re.search(r"VmHWM:\s+([0-9]+) kB", printed)
    if not booked or not peak:
        raise SystemExit(printed)
    print(booked[0])
    print(f"{rate:,.0f} rows/s, peak memory of the job {int(peak[1]) / 1024:.0f} MiB")
    print(f"the API alone, one connection: {alone:,.0f} rows/s; the job reaches {rate / alone:.0%}")


if __name__ == "__main__":
    main()
