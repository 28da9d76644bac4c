"""What a drill counts, and the table that it prints."""

import threading
from collections import Counter
from dataclasses import dataclass, field

COLUMNS = ("calls", "failed", "refused rightly", "late", "booked twice", "lost")
MOST_REASONS = 4  # that are printed


@dataclass(slots=True)
class Row:
    """The counts of one kind of calls; None: not counted there."""

    calls: int = 0
    failed: int = 0
    refused: int = 0  # as they should be
    late: int = 0
    booked_twice: int | None = None  # entries
    lost: int | None = None  # entries
    reasons: Counter[str] = field(default_factory=Counter)  # why calls failed or were refused
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, reason: str = "", refused_rightly: bool = False, late: bool = False) -> None:
        """Count a call; a reason says why it was not answered as the caller wanted."""
        with self._lock:
            self.calls += 1
            self.late += late
            if reason:
                self.reasons[reason] += 1
                self.refused += refused_rightly
                self.failed += not refused_rightly

    def cells(self) -> list[str]:
        """Return the cells of the table."""
        counts = [self.calls, self.failed, self.refused, self.late, self.booked_twice, self.lost]
        return [_cell(count) for count in counts]


class Tally:
    """The rows of one run of a drill, by whose calls they count, and lines with what else was measured."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.notes: list[str] = []

    def row(self, whose: str) -> Row:
        """Return the row of these calls, a new one at first."""
        return self.rows.setdefault(whose, Row())

    @property
    def failed(self) -> int:
        """Return how many calls failed."""
        return sum(row.failed for row in self.rows.values())

    @property
    def late(self) -> int:
        """Return how many calls were late."""
        return sum(row.late for row in self.rows.values())

    @property
    def wrong_bookings(self) -> int:
        """Return how many entries were lost or booked twice."""
        return sum((row.booked_twice or 0) + (row.lost or 0) for row in self.rows.values())

    def all_called(self) -> bool:
        """Return whether each row has calls: a drill in which nobody called shows nothing."""
        return bool(self.rows) and all(row.calls for row in self.rows.values())

    def text(self) -> str:
        """Return the table, with the reasons and the other lines below it."""
        table = [["", *COLUMNS], *([whose, *row.cells()] for whose, row in self.rows.items())]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [_aligned(cells, widths) for cells in table]
        for whose, row in self.rows.items():
            most = row.reasons.most_common(MOST_REASONS)
            lines += [f"{whose}: {reason} ({count:,})" for reason, count in most]
        return "\n".join([*lines, *self.notes])


def _cell(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _aligned(cells: list[str], widths: list[int]) -> str:
    first, *numbers = cells
    aligned = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join([first.ljust(widths[0]), *aligned])
