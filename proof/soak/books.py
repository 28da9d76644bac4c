"""What must be booked once, the rows of exports and the entries of uploads, and what is booked in the end."""

import itertools
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
ROWS = 20  # of an export
Entry = dict[str, str]


@dataclass
class Books:
    """Each entry has a project of its own, by which it is found again."""

    inbox: Path
    exported: set[str] = field(default_factory=set)
    confirmed: list[Entry] = field(default_factory=list)
    files: Iterator[int] = field(default_factory=itertools.count)
    entries: Iterator[int] = field(default_factory=itertools.count)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def export(self) -> None:
        """Put an export into the inbox; the job need not wait for it to settle."""
        number = next(self.files)
        projects = [f"export {number} row {row}" for row in range(ROWS)]
        lines = [
            f"2026-11-{row + 1:02},{project},,7.25,C-{row},{number}-{row}\n"
            for row, project in enumerate(projects)
        ]
        new = self.inbox / f".soak-{number}"
        new.write_text("".join([HEADER, *lines]))
        os.utime(new, (0, 0))
        new.rename(self.inbox / f"soak-{number}.csv")
        self.exported.update(projects)

    def delete(self, name: str) -> None:
        """Delete an export of ours from the inbox."""
        if name.startswith("soak-"):
            (self.inbox / name).unlink(missing_ok=True)

    def direct_entry(self) -> Entry:
        """Return an entry that nobody has sent."""
        with self.lock:
            number = next(self.entries)
        return self._entry(f"upload {number}")

    @staticmethod
    def _entry(name: str) -> Entry:
        return {"external_id": name, "user_id": "C-1", "date": "2026-11-02", "project": name, "hours": "1.5"}

    def never_entry(self) -> Entry:
        """Return an entry that may never be booked."""
        return self._entry("never")

    def confirm(self, entry: Entry) -> None:
        """Remember that the API said that this entry is booked."""
        with self.lock:
            self.confirmed.append(entry)

    def confirmed_entry(self, chance: random.Random) -> Entry:
        """Return an entry that is booked; raise OSError before there is one."""
        with self.lock:
            if not self.confirmed:
                raise OSError("nothing is booked yet")
            return chance.choice(self.confirmed)

    def compare(self, timesheets: list[dict[str, object]]) -> tuple[int, list[str], list[str]]:
        """Return how many entries are due, which are lost, and which are booked twice or wrongly."""
        booked = Counter(str(row["project"]) for row in timesheets)
        due = self.exported | {entry["project"] for entry in self.confirmed}
        lost = sorted(project for project in due if not booked[project])
        double = sorted(project for project, count in booked.items() if project in due and count > 1)
        return len(due), lost, double + ["never"] * booked["never"]
