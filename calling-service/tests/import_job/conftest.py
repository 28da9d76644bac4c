"""An inbox, an API that books, and an import from the one into the other."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from calling_service.database import prepare
from calling_service.import_job.job import ImportJob
from calling_service.import_job.report import ImportReport
from calling_service.import_job.timesheets_api import Receipt
from timesheet_exports.entry_rows import Entry


class Books:
    """An API that books as ours does, and may be killed before or after it has booked."""

    class Killed(BaseException):
        """What a kill -9 is to a test: nothing of ours runs after it."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.chunks: list[int] = []
        self.kill_before: int | None = None
        self.kill_after: int | None = None

    def upload(self, entries: Sequence[Entry]) -> Receipt:
        """Book all or none."""
        self.chunks.append(len(entries))
        if self.kill_before == len(self.chunks):
            raise self.Killed
        conflicts = {
            index: ("Hours", "is booked with other values")
            for index, entry in enumerate(entries)
            if self.entries.get(entry.external_id, entry) != entry
        }
        if conflicts:
            return Receipt(refused=conflicts)
        known = sum(entry.external_id in self.entries for entry in entries)
        self.entries |= {entry.external_id: entry for entry in entries}
        if self.kill_after == len(self.chunks):
            raise self.Killed
        return Receipt(len(entries) - known, known)


@pytest.fixture
def books() -> Books:
    """Return the books of an API."""
    return Books()


@pytest.fixture(scope="session")
def new_books() -> type[Books]:
    """Return what makes such books, for a test that needs others for each example."""
    return Books


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return an empty inbox, with a prepared state folder beside it."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "state").mkdir()
    prepare(tmp_path / "state")
    return tmp_path / "inbox"


class Imported(ImportReport):
    """The report of an import, in the form that tests compare."""

    @property
    def counts(self) -> dict[str, tuple[Any, ...]]:
        """Return of each file its state, and how many rows it has, booked, unchanged and rejected."""
        return {
            file.name: (file.state, file.rows, file.booked, file.unchanged, file.rejected)
            for file in self.files
        }

    @property
    def rejected_rows(self) -> list[tuple[Any, ...]]:
        """Return of each rejected row its file, line, column and reason."""
        return [(reject.file, reject.line, reject.column, reject.reason) for reject in self.rejects]


Import = Callable[..., Imported]


@pytest.fixture
def import_now(inbox: Path, books: Books) -> Import:
    """Import what is in the inbox, long after its files were written; `settings` are the job's."""

    def work(
        *, resend: bool = False, progress: Callable[[int, int], None] = lambda *_: None, **settings: Any
    ) -> Imported:
        settings = {"now": lambda: 2_000_000_000.0} | settings
        report = Imported()
        job = ImportJob(inbox, inbox.parent / "state", books.upload, **settings)
        job.run(report, progress, resend=resend)
        return report

    return work


@pytest.fixture
def import_killed(books: Books, import_now: Import) -> Callable[[str, int], None]:
    """Import, and be killed where the API gets this chunk: `kill_before` or `kill_after` it books."""

    def work(point: str, chunk: int) -> None:
        setattr(books, point, chunk)
        with pytest.raises(Books.Killed):
            import_now()
        setattr(books, point, None)

    return work
