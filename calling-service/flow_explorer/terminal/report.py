"""The result of an import as text for the terminal. Not here: the width of text (columns.py)."""

from collections.abc import Iterator

from calling_service.runs.run import Failure, Run
from click import style

from flow_explorer.columns import cells, clean, heading, paragraph
from flow_explorer.words import omitted_note, rounding_note, state_notes

COUNTS = {"booked": "booked", "unchanged": "unchanged", "rejected": "rejected"}
COUNTS_OF_A_DRY_RUN = {"booked": "to send", "rejected": "rejected"}


def report(run: Run, width: int, *, dry_run: bool = False) -> Iterator[str]:
    """Yield the lines that say what became of a run's files and rows, or what would."""
    title = f"What became of the entries: run {run.id} {run.state}"
    counts = COUNTS
    if dry_run:
        title = "Nothing was sent: a dry run"
        counts = COUNTS_OF_A_DRY_RUN
    yield from heading(title, width)
    yield from _files(run, counts, width)
    for reject in run.report.rejects:
        place = f"{reject.file} line {reject.line}"
        if reject.column:
            place += f", {reject.column}"
        yield from paragraph(f"{place}: {reject.reason}", width, mark=style("- ", fg="yellow"))
    hidden = run.report.rejected - len(run.report.rejects)
    if hidden and dry_run:
        yield from paragraph(f"and {hidden:,} more", width)
    elif hidden:
        yield from paragraph(f"and {hidden:,} more: the rejects files list all", width)
    yield from failure(run.error, width)


def failure(why: Failure | None, width: int) -> Iterator[str]:
    """Yield the lines that say why a run failed, if it did, and what to do."""
    if why:
        yield from paragraph(f"{why.error}: {why.message}", width, mark=style("! ", fg="red", bold=True))
        yield from paragraph(f"What to do: {why.hint}", width)


def _files(run: Run, counts: dict[str, str], width: int) -> Iterator[str]:
    files = run.report.files
    longest = max((cells(file.name) for file in files), default=0)
    for file in files:
        name = clean(file.name) + " " * (longest - cells(file.name))
        counted = (f" {getattr(file, count):>5,} {word}" for count, word in counts.items())
        yield f"  {name}  {file.state:<9}{file.rows:>6,} rows{''.join(counted)}"
    for note in state_notes(file.state for file in files):
        yield from paragraph(note, width)
    for note in (omitted_note(run.report.known_omitted), rounding_note(run.report.rounded)):
        if note:
            yield from paragraph(note, width)
