"""The import: every complete export of the inbox to the API, in chunks; what is refused, to the rejects file.

It can be killed at any point and started again: the ledger says which exports are done, rows are noted in
it before they are sent, and the API books an entry that is sent again only once.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from calling_service.database import connection
from calling_service.import_job.export_rows import ExportError, Reject, Row, read_export
from calling_service.import_job.inbox import Export, exports
from calling_service.import_job.ledger import Ledger
from calling_service.import_job.rejects import RejectsFile
from calling_service.import_job.timesheets_api import TimesheetsApi
from calling_service.runs.run import FileReport, Run

CHUNK = 500  # rows that are sent with one request: as many as the API takes, since fewer are slower

Item = TypeVar("Item")
Progress = Callable[[int, int], None]  # lines done, lines in all


class ImportJob:
    """Imports from one inbox, with its books in one state folder; one run at a time."""

    def __init__(
        self,
        inbox: Path,
        state_dir: Path,
        api: TimesheetsApi,
        *,
        settling: float = 0,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._inbox, self._state_dir, self._api = inbox, state_dir, api
        self._settling, self._now, self._pause = settling, now, pause

    def run(self, run: Run, progress: Progress) -> None:
        """Import what is there, reporting in `run`; raise what keeps the job from going on."""
        found = list(exports(self._inbox, self._settling, self._now(), self._pause))
        run.files = [FileReport(export.name, "pending") for export in found]
        done, total = 0, sum(export.lines for export in found)
        with connection(self._state_dir) as database:
            ledger, sent = Ledger(database, (export.digest for export in found)), set[str]()
            for export, report in zip(found, run.files, strict=True):
                if export.fault:
                    run.give_up(report, f"cannot be read: {export.fault}")
                elif not export.complete:
                    report.state = "waiting"
                elif export.digest in sent or (ledger.is_done(export.digest) and not run.resend):
                    report.state = "known"
                else:
                    report.state = "importing"
                    sent.add(export.digest)
                    for line in self._import(export, report, run, ledger):
                        progress(done + line, total)
                done += export.lines
                progress(done, total)

    def _import(self, export: Export, report: FileReport, run: Run, ledger: Ledger) -> Iterator[int]:
        """Import one export, yielding the last line done after each chunk."""
        ledger.open_file(export.digest, export.name)
        with export.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            try:
                header, rows = read_export(file)
            except ExportError as error:
                run.give_up(report, str(error))
                return
            with RejectsFile(self._state_dir, export.path.name, header) as rejects:
                book = _Book(export, report, run, ledger, self._api, rejects)
                for chunk in _chunks(rows):
                    book.send(chunk)
                    yield chunk[-1].line
        if export.is_unchanged():
            ledger.close_file(export.digest)
            report.state = "done"
        else:  # what was read is not what was digested: the next run takes it from the start
            report.state = "waiting"


@dataclass(frozen=True, slots=True)
class _Book:
    """Where the rows of one export go."""

    export: Export
    report: FileReport
    run: Run
    ledger: Ledger
    api: TimesheetsApi
    rejects: RejectsFile

    def send(self, rows: list[Row]) -> None:
        """Note the rows in the ledger and upload the good ones; reject the others, in their order."""
        self.report.rows += len(rows)
        rejected: list[Row] = []
        while rows:
            good, rows = self._claim(rows, rejected)
            self._upload(good, rejected)
        for row in sorted(rejected, key=lambda row: row.line):
            self._reject(row)

    def _claim(self, rows: list[Row], rejected: list[Row]) -> tuple[list[Row], list[Row]]:
        """Return the first good row of each id, and those that count only if the API refuses that one."""
        good, later = dict[str, Row](), []
        with self.ledger.chunk():
            for row in rows:
                if not row.entry:
                    rejected.append(row)
                elif (entry_id := row.entry.external_id) in good:
                    later.append(row)
                elif first := self.ledger.claim(entry_id, self.export.digest, row.line):
                    reason = f"repeats {entry_id} of {first.name} line {first.line}"
                    rejected.append(replace(row, problems=(("entry_id", reason),)))
                else:
                    good[entry_id] = row
        return list(good.values()), later

    def _upload(self, rows: list[Row], rejected: list[Row]) -> None:
        while entries := [row.entry for row in rows if row.entry]:
            receipt = self.api.upload(entries)
            self.report.booked += receipt.booked
            self.report.unchanged += receipt.unchanged
            if not receipt.refused:
                return
            for index, problem in receipt.refused.items():
                self.ledger.release(entries[index].external_id)
                rejected.append(replace(rows[index], problems=(problem,)))
            rows = [row for index, row in enumerate(rows) if index not in receipt.refused]

    def _reject(self, row: Row) -> None:
        columns = ", ".join(column for column, _ in row.problems)
        reason = "; ".join(reason for _, reason in row.problems)
        reject = Reject(self.export.name, row.line, columns, reason)
        self.run.reject(self.report, reject)
        self.rejects.add(reject, row.cells)


def _chunks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while chunk := list(islice(items, CHUNK)):
        yield chunk
