"""The rejects file of one export: the rows that were not booked, as they stood, each with its reason.

It appears under its name when the export is done, and replaces the one of an earlier import.
"""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from calling_service.import_job.report import Reject

AddReject = Callable[[Reject, Sequence[str]], None]


@contextmanager
def rejects_file(state_dir: Path, file_name: str, header: Sequence[str]) -> Iterator[AddReject]:
    """Return a context with a function that adds a row; if an error ends it, no file appears."""
    path = state_dir / "rejects" / file_name
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(".partial")
    try:
        with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "line", "column", "reason", *header])
            empty = file.tell()
            yield lambda row, cells: writer.writerow([row.file, row.line, row.column, row.reason, *cells])
            is_empty = file.tell() == empty
            file.flush()
            os.fsync(file.fileno())  # on the disk before the ledger records that the file is done
        if is_empty:
            path.unlink(missing_ok=True)
        else:
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
