"""The import: the rows of each complete file in the inbox go to the API in chunks, or to a rejects file.

It can be killed at any point and started again: the ledger records which files are done, rows are recorded in
it before they are sent, and the API books an entry that is sent again only once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from timesheet_exports.column_map import ColumnMap, read_column_map
from timesheet_exports.entry_rows import Entry, Row, read_entry_rows
from timesheet_exports.inbox import InboxFile, inbox_files
from timesheet_exports.read_ahead import read_ahead
from timesheet_exports.rejects import AddReject, Reject, rejects_file
from timesheet_exports.text_file import ExportError, opened_export

from calling_service.database import connection
from calling_service.import_job.ledger import Claim, Ledger, Twin
from calling_service.import_job.report import KNOWN_SHOWN, FileReport, ImportReport
from calling_service.import_job.timesheets_api import Receipt

CHUNK = 500  # rows that are sent with one request: as many as the API accepts, since fewer are slower

Upload = Callable[[Sequence[Entry]], Receipt]
Progress = Callable[[int, int], None]  # lines done, lines in all


@dataclass(frozen=True, slots=True)
class ImportJob:
    """Imports from one inbox, with its ledger and rejects in one state folder; one import at a time."""

    inbox: Path
    state_dir: Path
    upload: Upload
    settling: float = 0  # seconds without a change after which a file counts as complete
    now: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    column_map: ColumnMap = field(default_factory=lambda: read_column_map("exampleco"))

    def run(self, report: ImportReport, progress: Progress, *, resend: bool = False) -> None:
        """Import what is in the inbox, and fill the report on the way; raise what ends the import early."""
        files = list(inbox_files(self.inbox, self.settling, self.now(), self.pause))
        total = sum(file.lines for file in files)
        with connection(self.state_dir) as database:
            ledger = Ledger(database, (file.digest for file in files))
            listed = files if resend else _listed(files, ledger)
            report.files = [FileReport(file.name, "pending") for file in listed]
            report.known_omitted = len(files) - len(listed)
            done = total - sum(file.lines for file in listed)
            for file, file_report in zip(listed, report.files, strict=True):
                if file.fault:
                    report.give_up(file_report, f"cannot be read: {file.fault}")
                elif not file.complete:
                    file_report.state = "waiting"
                elif file.digest in ledger.opened or (ledger.is_done(file.digest) and not resend):
                    file_report.state = "known"
                else:
                    file_report.state = "importing"
                    for line in self._import(file, file_report, report, ledger):
                        progress(done + line, total)
                done += file.lines
                progress(done, total)

    def _import(
        self, file: InboxFile, file_report: FileReport, report: ImportReport, ledger: Ledger
    ) -> Iterator[int]:
        """Import one file, and yield the last line done after each chunk."""
        ledger.open_file(file.digest, file.name)
        made_ids = self.column_map.makes_ids
        try:
            with opened_export(file.path) as lines:
                header, rows = read_entry_rows(lines, self.column_map)
                with (
                    rejects_file(self.state_dir, file.path.name, header, made_ids=made_ids) as add_reject,
                    read_ahead(rows, CHUNK) as chunks,
                ):
                    parts = (file, file_report, report, ledger, self.column_map, self.upload, add_reject)
                    file_import = _FileImport(*parts)
                    for chunk in chunks:
                        file_import.send(chunk)
                        yield chunk[-1].line
        except ExportError as error:
            report.give_up(file_report, str(error))
            return
        if file.is_unchanged():
            ledger.close_file(file.digest)
            file_report.state = "done"
        else:  # its content is no longer that of the digest: the next run starts it again
            file_report.state = "waiting"


def _listed(files: list[InboxFile], ledger: Ledger) -> list[InboxFile]:
    """Return the files but those of which too many were imported before; the last names stay."""
    known = [file.name for file in files if file.complete and not file.fault and ledger.is_done(file.digest)]
    omitted = set(known[:-KNOWN_SHOWN])
    return [file for file in files if file.name not in omitted]


@dataclass(frozen=True, slots=True)
class _FileImport:
    """The import of the rows of one file."""

    file: InboxFile
    file_report: FileReport
    report: ImportReport
    ledger: Ledger
    column_map: ColumnMap
    upload: Upload
    add_reject: AddReject

    def send(self, rows: list[Row]) -> None:
        """Record the rows in the ledger and upload the good ones; reject the others, in their order."""
        self.file_report.rows += len(rows)
        rejected: list[Row] = []
        twins = self._twins(rows)
        while rows:
            good, rows = self._claim(rows, rejected, twins)
            self._upload(good, rejected)
        with self.ledger.transaction():
            self.ledger.reject([row.entry_id for row in rejected if row.entry_id], self.file.digest)
        for row in sorted(rejected, key=lambda row: row.line):
            self._reject(row)

    def _twins(self, rows: list[Row]) -> dict[int, Twin]:
        """Return the entries of other contents that rows equal in all but the id.

        Those that are among the rows as well do not count: a task may take the same time twice on a day.
        """
        present = {(row.entry_id, row.likeness) for row in rows if row.entry}
        twins = self.ledger.twins([row.likeness for row in rows if row.entry], self.file.digest)
        return {alike: twin for alike, twin in twins.items() if (twin.entry_id, alike) not in present}

    def _claim(
        self, rows: list[Row], rejected: list[Row], twins: dict[int, Twin]
    ) -> tuple[list[Row], list[Row]]:
        """Return the first good row of each id, and the repeats, which count only if that one is refused."""
        good: dict[str, Row] = {}
        later: list[Row] = []
        digest = self.file.digest
        with self.ledger.transaction():
            places = self.ledger.places(row.entry_id for row in rows if row.entry)
            for row in rows:
                entry_id = row.entry_id
                place = places.get(entry_id)
                if not row.entry:
                    rejected.append(row)
                elif entry_id in good:
                    later.append(row)
                elif reason := self.ledger.why_not(
                    entry_id, digest, row.line, place, twins.get(row.likeness)
                ):
                    rejected.append(row._replace(problems=(("external_id", reason),)))
                else:
                    good[entry_id] = row
            claims = [Claim(row.entry_id, row.line, row.likeness) for row in good.values()]
            self.ledger.claim(claims, digest)
        return list(good.values()), later

    def _upload(self, rows: list[Row], rejected: list[Row]) -> None:
        while rows:
            entries = [row.entry for row in rows if row.entry]
            receipt = self.upload(entries)
            self.file_report.booked += receipt.booked
            self.file_report.unchanged += receipt.unchanged
            for index, problem in receipt.refused.items():
                self.ledger.release(entries[index].external_id, rows[index].likeness)
                rejected.append(rows[index]._replace(problems=(problem,)))
            if not receipt.refused:
                self.file_report.add_rounded(row.rounded for row in rows)
                return
            # All or nothing: with a refused row among them, the others were not booked either.
            rows = [row for index, row in enumerate(rows) if index not in receipt.refused]

    def _reject(self, row: Row) -> None:
        columns = ", ".join(self.column_map.column_of(field) for field, _ in row.problems)
        reason = "; ".join(reason for _, reason in row.problems)
        reject = Reject(self.file.name, row.line, columns, reason)
        self.report.reject(self.file_report, reject)
        self.add_reject(reject, row)
