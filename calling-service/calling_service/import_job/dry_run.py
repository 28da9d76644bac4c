"""A dry run: the import on a copy of the ledger, with an API that takes whatever it is sent and is nowhere.

Not here: what the real API would say, above all which entries it has already, and with which values.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from calling_service.database import connection
from calling_service.import_job.export_rows import Entry
from calling_service.import_job.job import ImportJob, Progress
from calling_service.import_job.timesheets_api import Receipt, TimesheetsApi
from calling_service.runs.failures import storage_failure
from calling_service.runs.run import Run
from calling_service.settings import Settings
from calling_service.trace import trace_id_of


class NoApi(TimesheetsApi):
    """Takes every entry and sends none."""

    def upload(self, entries: Sequence[Entry]) -> Receipt:
        """Return the receipt for entries that would be new."""
        return Receipt(booked=len(entries))


def rehearse(settings: Settings, *, resend: bool, progress: Progress) -> Run:
    """Return the run as it would go, `booked` being what would be sent; change and send nothing."""
    run = Run("dry-run", "cli", trace_id_of(None), datetime.now(UTC), resend=resend)
    with TemporaryDirectory() as folder, requests.Session() as session:
        scratch = replace(settings, state_dir=Path(folder))
        _copy(settings.state_dir, scratch.state_dir)
        api = NoApi(session, settings.api_url, settings.timeout)
        job = ImportJob(scratch.inbox, scratch.state_dir, api, settling=settings.settle_seconds)
        try:
            job.run(run, progress)
            run.state = "completed"
        except OSError as error:
            run.fail(storage_failure(error))
    return run


def _copy(source: Path, target: Path) -> None:
    with connection(source) as ledger, closing(sqlite3.connect(target / "import.db")) as copy:
        ledger.backup(copy)
