"""A dry run: the import on a copy of the ledger, with an API that accepts every entry and sends none.

Not here: what the real API would answer, above all which entries it has already booked with which values.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from timesheet_exports.entry_rows import Entry

from calling_service.database import connection
from calling_service.import_job.job import ImportJob, Progress
from calling_service.import_job.timesheets_api import Receipt
from calling_service.runs.failures import storage_failure
from calling_service.runs.run import Run
from calling_service.settings import Settings


def dry_run(settings: Settings, *, resend: bool, progress: Progress) -> Run:
    """Return the run as it would go, `booked` being what would be sent; change and send nothing."""
    run = Run.new("cli", resend=resend)
    with TemporaryDirectory() as folder:
        state_dir = Path(folder)
        copy = sqlite3.connect(state_dir / "import.db")
        with connection(settings.state_dir) as database, closing(copy):
            database.backup(copy)
        job = ImportJob(
            settings.inbox,
            state_dir,
            _accept,
            settling=settings.settle_seconds,
            column_map=settings.column_map,
        )
        try:
            job.run(run.report, progress, resend=resend)
            run.state = "completed"
        except OSError as error:
            run.fail(storage_failure(error))
    return run


def _accept(entries: Sequence[Entry]) -> Receipt:
    return Receipt(booked=len(entries))
