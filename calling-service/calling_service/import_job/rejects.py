"""The rejects file of one export: the rows that were not booked, as they stood, each with its reason.

It appears under its name when the export is done, and replaces the one of an earlier run.
"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from calling_service.import_job.export_rows import Reject

PLACE = ("file", "line", "column", "reason")


class RejectsFile:
    """A context in which rows are added; left by an error, no file appears."""

    def __init__(self, state_dir: Path, file_name: str, header: Sequence[str]) -> None:
        folder = state_dir / "rejects"
        folder.mkdir(exist_ok=True)
        self._path, self._partial = folder / file_name, folder / ".partial"
        self._file = self._partial.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow([*PLACE, *header])
        self._empty = True

    def add(self, reject: Reject, cells: Sequence[str]) -> None:
        """Add one row."""
        self._empty = False
        self._writer.writerow([reject.file, reject.line, reject.column, reject.reason, *cells])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())  # on the disk before the ledger says that the export is done
        if kind is None and not self._empty:
            self._partial.replace(self._path)
            return
        self._partial.unlink()
        if kind is None:
            self._path.unlink(missing_ok=True)
