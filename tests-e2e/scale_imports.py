"""Imports of new entries on deploy/scale."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from live_stack import Stack, eventually

INBOXES = ("calling-service/inbox", "deploy/scale/inbox")  # of the two jobs
HEADER = "Date,Client,Project,Task,Notes,Hours,Employee Id,External Reference URL,entry_id\n"
ROW = "2026-11-17,Acme,Shop,Dev,note {0},1.50,C-1001,,{0}\n"


def new_ids(count: int) -> list[str]:
    """Return ids of entries that no earlier run on the same stack has used."""
    run = secrets.randbelow(10**8)
    return [f"9{run:08}{number:05}" for number in range(count)]


@contextmanager
def exported(
    stack: Stack, name: str, ids: Sequence[str], inboxes: Sequence[str] = INBOXES[:1]
) -> Iterator[None]:
    """Let an export with these entries lie in inboxes during the block."""
    files = [stack.folder / inbox / name for inbox in inboxes]
    for file in files:
        file.write_text(HEADER + "".join(map(ROW.format, ids)))
    try:
        yield
    finally:
        for file in files:
            file.unlink()


def imported(url: str) -> dict[str, Any]:
    """Let the job at this address import, and return the run once it has ended."""
    location = url + requests.post(f"{url}/runs", json={}, timeout=10).headers["Location"]

    def ended() -> dict[str, Any] | None:
        run: dict[str, Any] = requests.get(location, timeout=10).json()
        return None if run["state"] == "running" else run

    run = eventually(ended, "the import ends", seconds=90)
    assert run["state"] == "completed", run["error"]
    return run
