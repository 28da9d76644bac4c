"""What became of an import, as the terminal shows it."""

from calling_service.import_job.report import FileReport, ImportReport
from calling_service.runs.run import Failure, Run
from click import unstyle
from flow_explorer.terminal.report import report
from timesheet_exports.rejects import Reject


def imported() -> Run:
    run = Run.new("cli")
    files = [FileReport("a.csv", "done", 1205, 1200, 1, 4), FileReport("時.csv", "known")]
    rejects = [Reject("a.csv", 3, "Hours", "is empty"), Reject("a.csv", 4, "", "has 5 cells, the header 6")]
    run.report = ImportReport(files, rejects)
    run.state = "completed"
    return run


def test_shows_files_with_their_counts_states_that_need_words_and_rejects() -> None:
    run = imported()
    heading, _, *lines = map(unstyle, report(run, 100))
    assert heading.startswith(f"━━ What became of the entries: run {run.id} completed ━")
    assert lines == [
        "  a.csv   done      1,205 rows 1,200 booked     1 unchanged     4 rejected",
        "  時.csv  known         0 rows     0 booked     0 unchanged     0 rejected",
        "  known: imported before, and unchanged since; nothing is sent again",
        "  - a.csv line 3, Hours: is empty",
        "  - a.csv line 4: has 5 cells, the header 6",
        "  and 2 more: the rejects files list all",
    ]


def test_a_dry_run_counts_what_it_would_send() -> None:
    lines = list(map(unstyle, report(imported(), 100, dry_run=True)))
    assert lines[0].startswith("━━ Nothing was sent: a dry run ━")
    assert lines[2] == "  a.csv   done      1,205 rows 1,200 to send     4 rejected"
    assert lines[-1] == "  and 2 more"


def test_says_what_rounding_added() -> None:
    run = imported()
    run.report.files[0].rounded = -1 / 300
    lines = list(map(unstyle, report(run, 100)))
    assert "  rounding to hundredths of an hour took off 0.0033 hours in all" in lines


def test_says_how_many_known_files_are_not_listed() -> None:
    run = imported()
    run.report.known_omitted = 1234
    lines = list(map(unstyle, report(run, 100)))
    assert "  not listed: 1,234 more files that were imported before" in lines


def test_a_failed_run_says_why_and_what_to_do() -> None:
    run = Run.new("cli")
    run.fail(Failure("odd", "it happened", "do this"))
    assert list(map(unstyle, report(run, 100)))[-2:] == ["  ! odd: it happened", "  What to do: do this"]
