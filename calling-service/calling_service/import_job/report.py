"""What an import reports: its files with their counts, and the rows that it rejected.

Not here: the rejects files, which hold every rejected row (timesheet_exports/rejects.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from timesheet_exports.rejects import Reject

REJECTS_SHOWN = 200  # of an import
KNOWN_SHOWN = 20  # of the files that were imported before: an inbox may keep years of them

FileState = Literal["pending", "waiting", "known", "importing", "done", "failed"]


@dataclass(slots=True)
class FileReport:
    """One file of the inbox: `waiting` while it is being written, `known` if it was imported before."""

    name: str
    state: FileState
    rows: int = 0
    booked: int = 0
    unchanged: int = 0
    rejected: int = 0
    rounded: float = 0.0  # hours that rounding to hundredths has added to the entries

    def add_rounded(self, hours: Iterable[float]) -> None:
        """Add what rounding has added to some entries."""
        self.rounded = round(self.rounded + sum(hours), 6)


@dataclass(slots=True)
class ImportReport:
    """The files of one import, in the order of their names, and the first of the rejected rows."""

    files: list[FileReport] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    known_omitted: int = 0  # files that were imported before, and are not among `files`

    def reject(self, file: FileReport, row: Reject) -> None:
        """Count a row as rejected, and show it while there is room."""
        file.rejected += 1
        if len(self.rejects) < REJECTS_SHOWN:
            self.rejects.append(row)

    def give_up(self, file: FileReport, reason: str) -> None:
        """End a file that cannot be imported at all, and give the reason at its first line."""
        file.state = "failed"
        first_line = Reject(file.name, 1, "", reason)
        self.reject(file, first_line)

    def interrupt(self, state: FileState) -> None:
        """Move the file that is being imported to this state."""
        for file in self.files:
            if file.state == "importing":
                file.state = state

    @property
    def booked(self) -> int:
        """Return how many entries are new in the API."""
        return sum(file.booked for file in self.files)

    @property
    def unchanged(self) -> int:
        """Return how many entries the API had booked before."""
        return sum(file.unchanged for file in self.files)

    @property
    def rejected(self) -> int:
        """Return how many rows were not booked."""
        return sum(file.rejected for file in self.files)

    @property
    def rounded(self) -> float:
        """Return the hours that rounding to hundredths has added; negative if it has taken some off."""
        return round(sum(file.rounded for file in self.files), 6)
