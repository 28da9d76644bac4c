"""The rejects file of one export: the rows that were not booked, as they stood, each with its reason.

It can be corrected and imported again (fed_back.py). It appears under its name when the
export is done, and replaces the one of an earlier import.
"""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from timesheet_exports.entry_rows import Row
from timesheet_exports.fed_back import MADE_ID, REJECT_COLUMNS


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not booked: where it stands, and what has to be changed."""

    file: str
    line: int
    column: str
    reason: str


AddReject = Callable[[Reject, Row], None]


@contextmanager
def rejects_file(
    state_dir: Path, file_name: str, header: Sequence[str], *, made_ids: bool
) -> Iterator[AddReject]:
    """Return a context with a function that adds a row; if an error ends it, no file appears."""
    path = state_dir / "rejects" / file_name
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(".partial")
    try:
        with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*REJECT_COLUMNS, *[MADE_ID] * made_ids, *header])
            empty = file.tell()

            def add(reject: Reject, row: Row) -> None:
                made_id = [row.entry_id] * made_ids
                writer.writerow(
                    [reject.file, reject.line, reject.column, reject.reason, *made_id, *row.cells]
                )

            yield add
            is_empty = file.tell() == empty
            file.flush()
            os.fsync(file.fileno())  # on the disk before the ledger records that the file is done
        if is_empty:
            path.unlink(missing_ok=True)
        else:
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
