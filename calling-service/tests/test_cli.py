import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from calling_service import cli
from calling_service.runs.dry_run import dry_run
from calling_service.runs.run import Run
from calling_service.runs.runner import acquire
from calling_service.service import Service, build
from calling_service.settings import Settings
from click import ClickException, unstyle
from flow_explorer.columns import cells

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
GOOD = HEADER + "2026-11-09,P,,1.00,C-1,1\n"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = build(settings)
    yield service
    service.close()


FOLDER = Path(cli.__file__).parents[1]
COMMAND = [sys.executable, "-m", "calling_service"]
Command = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Start]:
    """Start the CLI in a process of its own."""
    with ExitStack() as running:

        def begin(*arguments: str, **changes: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(  # noqa: S603  # our own program
                [*COMMAND, *arguments],
                cwd=FOLDER,
                env={**os.environ, **environ, **changes},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            return running.enter_context(process)

        yield begin


@pytest.fixture
def command(start: Start) -> Command:
    """Run the CLI in a process of its own, to its end."""

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, **changes)
        stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run


def test_run_imports_and_its_exit_status_shows_what_became_of_the_rows(
    command: Command, settings: Settings, endpoint: Any
) -> None:
    (settings.inbox / "a.csv").write_text(GOOD)
    done = command("run", LOG_LEVEL="DEBUG")
    assert (done.returncode, "a.csv  done          1 rows     1 booked" in done.stdout) == (0, True)
    assert {json.loads(line)["message"] for line in done.stderr.splitlines()} == {"run started", "run ended"}
    assert "eyJ" not in done.stderr + done.stdout
    (settings.inbox / "b.csv").write_text(HEADER + "2026-11-31,P,,1,C-1,2\n")
    rejected = command("run", "--resend", "--fresh-token")
    assert (rejected.returncode, "2026-11-31 does not exist" in rejected.stdout) == (3, True)
    endpoint.answers = [endpoint.error(401, "invalid_client")]
    failed = command("run", "--resend")
    assert (failed.returncode, "What to do: see that" in failed.stdout) == (1, True)


def test_a_file_that_is_still_being_written_is_left_to_the_next_run(
    command: Command, settings: Settings
) -> None:
    (settings.inbox / "a.csv").write_text(GOOD + "2026-11-0")
    done = command("run")
    assert done.returncode == 4
    assert "waiting: it may still be written to; the next run looks again" in done.stdout


def test_a_dry_run_checks_the_rows_sends_nothing_and_remembers_nothing(
    command: Command, settings: Settings, endpoint: Any, api: Any
) -> None:
    (settings.inbox / "a.csv").write_text(GOOD + "2026-11-09,P,,25,C-1,2\n" + GOOD.splitlines()[1] + "\n")
    done = command("run", "--dry-run")
    assert (done.returncode, endpoint.calls, api.requests) == (3, 0, [])
    assert "━━ Nothing was sent: a dry run ━" in done.stdout
    assert "a.csv  done          3 rows     1 to send     2 rejected" in done.stdout
    assert "- a.csv line 4, entry_id: repeats 1 of a.csv line 2" in done.stdout
    assert not (settings.state_dir / "rejects").exists()
    assert "3 rows     1 booked     0 unchanged     2 rejected" in command("run").stdout
    assert "a.csv  known         0 rows     0 to send" in command("run", "--dry-run").stdout


def test_a_dry_run_fails_as_a_run_does_when_the_inbox_is_gone(service: Service) -> None:
    service.settings.inbox.rmdir()
    run = dry_run(service.settings, resend=False, progress=lambda *_: None)
    message = f"a file could not be used: {service.settings.inbox} No such file or directory"
    assert (run.state, run.error and run.error.message) == ("failed", message)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_chunk_in_flight_and_a_second_one_at_once(
    start: Start, settings: Settings, api: Any, number: signal.Signals
) -> None:
    (settings.inbox / "a.csv").write_text(HEADER + "".join(f"2026-11-09,P,,1,C-1,{n}\n" for n in range(700)))
    arrived, go_on = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        arrived.set()
        go_on.wait(20)

    api.on_call = hold
    impatient = start("run")
    assert arrived.wait(20)
    while impatient.poll() is None:
        impatient.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            impatient.wait(0.05)
    assert impatient.returncode == -number
    api.books.clear()
    arrived.clear()
    waiting = start("run")
    assert arrived.wait(20)
    waiting.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.3)
    go_on.set()
    shown, _ = waiting.communicate(timeout=120)
    assert (waiting.returncode, " stopped ━" in shown, len(api.books)) == (4, True, 500)
    assert start("run").wait(20) == 0
    assert len(api.books) == 700


@pytest.fixture
def another(settings: Settings) -> Iterator[int]:
    """Hold the lock, as a run that is on elsewhere."""
    lock = os.open(settings.state_dir / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield lock
    with suppress(OSError):
        os.close(lock)


def test_a_command_that_waits_for_another_run_stops_on_request(service: Service, another: int) -> None:
    assert another
    service.runner.stopping.set()
    with pytest.raises(SystemExit) as end:
        cli._imported(service, lambda *_: None, resend=False, fresh_token=False)
    assert (end.value.code, service.history.recent()) == (4, [])


def test_a_command_that_has_waited_imports_what_the_other_run_did_not(
    service: Service, another: int, api: Any
) -> None:
    service.history.save(Run("another", "web", "0" * 32, NOW))

    class Ending(threading.Event):
        """An event to wait for which is the end of the other run, which died after a file has arrived."""

        def wait(self, timeout: float | None = None) -> bool:
            (service.settings.inbox / "late.csv").write_text(GOOD)
            os.close(another)
            return super().wait(0 if timeout else timeout)

    service.runner.stopping = Ending()
    run = cli._imported(service, lambda *_: None, resend=False, fresh_token=False)
    assert (run.state, [file.name for file in run.report.files]) == ("completed", ["late.csv"])
    assert len(api.books) == 1
    error = service.history.recent()[1].error
    assert error
    assert error.error == "interrupted"


@pytest.mark.parametrize("changes", [{}, {"NO_COLOR": "1"}])
@pytest.mark.parametrize("columns", [44, 100])
def test_a_terminal_gets_a_progress_bar_that_fits_and_colours_unless_switched_off(
    environ: dict[str, str], settings: Settings, changes: dict[str, str], columns: int
) -> None:
    (settings.inbox / "時間.csv").write_text(GOOD)
    terminal, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    environment = {**os.environ, **environ, "COLUMNS": "", "NO_COLOR": "", **changes}
    process = subprocess.Popen([*COMMAND, "run"], cwd=FOLDER, env=environment, stdout=ours, stderr=ours)  # noqa: S603
    os.close(ours)
    shown = b""
    with suppress(OSError):  # how Linux says that the other side is closed
        while block := os.read(terminal, 4096):
            shown += block
    os.close(terminal)
    assert process.wait(20) == 0
    lines = [unstyle(line) for line in re.split("[\r\n]+", shown.decode())]
    bars = [line for line in lines if line.startswith("Importing")]
    assert {cells(bar) <= columns for bar in bars} == {True}
    assert re.fullmatch(r"Importing  \[#+\]  100% *", bars[-1])
    assert any(line.startswith("  時間.csv  done          1 rows") for line in lines)
    assert (b"\x1b[34m" in shown) == (not changes)


def test_reports_a_state_folder_that_cannot_be_used(service: Service) -> None:
    (service.settings.state_dir / "import.db").write_text(
        "this is not a database, and longer than a header is"
    )
    with pytest.raises(ClickException, match="a file could not be used: file is not a database"):
        cli._imported(service, lambda *_: None, resend=False, fresh_token=False)
    lock = acquire(service.settings.state_dir)
    assert lock is not None
    os.close(lock)


def test_run_with_bad_settings_lists_the_problems_and_exits_with_1(command: Command) -> None:
    done = command("run", ISSUER="", SCOPE="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "calling-service: cannot start, 2 problem(s):\n"
        "  - ISSUER: is not set; set it to the URL by which tokens name the authorization server\n"
        "  - SCOPE: is not set; set it to scopes, separated by spaces (RFC 6749 3.3)\n"
    )


def test_the_help_lists_the_exit_codes(command: Command) -> None:
    assert "\n    3  the run completed, and rows were rejected\n" in command("run", "--help").stdout
