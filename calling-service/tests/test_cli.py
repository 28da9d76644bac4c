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
from calling_service import cli, terminal
from calling_service.app import create_app
from calling_service.columns import cells
from calling_service.import_job import CHUNK
from calling_service.rehearsal import rehearse
from calling_service.run import Run
from calling_service.service import Service, build
from calling_service.settings import Settings
from calling_service.terminal import cells
from calling_service.words import duration
from click import ClickException, unstyle
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
GOOD = HEADER + "2026-11-09,P,,1.00,C-1,1\n"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URI = "https://exampleco.example/department"


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = build(settings)
    yield service
    service.close()


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(service), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def flow(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(cli.main, ["flow", *arguments], color=False)


def test_flow_prints_what_crossed_the_wire(url: str, service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD + "2026-11-09,P,,25,C-1,2\n")
    result = flow("--url", url, "--look", "The API=http://localhost:9001/")
    assert result.exit_code == 0
    for shown in (
        "━━ 1  The job authenticates at the token endpoint",
        "━━ 2  The authorization server validates them",
        "━━ 3  The authorization server answers with an access token",
        "━━ 4  The job calls the API with the token",
        "    asked    grant_type=client_credentials  audience=http://localhost:9001  scope=batch:upload",
        "    granted  client_id=job",
        "POST /oauth/token HTTP/1.1",
        "scope=batch%3Aupload",
        "Authorization: Basic [base64 of timesheets-import-job:<client secret>, masked]",
        "[signature cut]",
        "    header   alg        RS256",
        "Timesheets API → Timesheets Import Job",
        '{"booked": 1, "unchanged": 0}',
        "a.csv  done          2 rows     1 booked     0 unchanged     1 rejected",
        "- a.csv line 3, Hours: 25 is not more than 0 and at most 24",
        "The API           http://localhost:9001/",
        f"The last runs     {url}/",
    ):
        assert shown in result.output
    assert endpoint.secret not in result.output
    assert "\x1b" not in result.output


def test_flow_prints_the_labels_that_the_run_gives() -> None:
    message = {
        "start_line": "X /y",
        "headers": [["A", "\x1b[31mred"]],
        "body": "b" * 5000,
        "body_size": 9000,
        "body_shortened": True,
        "token": {"payload": {"exp": 1795521600, "nbf": 0, "iat": 1e300, "list": ["é"], URI: "Payroll"}},
    }
    exchange = {
        "steps": [
            {"number": 7, "label": "美咲 does a thing that nobody foresaw", "shows": ["request", "response"]}
        ],
        "from": "One",
        "to": "Two",
        "status": 500,
        "request": message,
        "response": message | {"body": ""},
        "elapsed": 1.5,
        "failure": None,
        "failed_before": ["503", "ReadTimeoutError"],
        "started_at": "2026-11-24T12:00:00.000Z",
        "calls": [{"name": "jwks", "request": "GET http://k/", "answer": "200", "duration": 0.0123}],
        "checks": [
            {"name": "size", "duration": 0.00001, "reason": None},
            {"name": "well-formed", "duration": 0.000123, "reason": None},
            {"name": "signature", "duration": 0.001, "reason": "The signature of the token is wrong."},
        ],
    }
    silent = exchange | {
        "response": None,
        "status": None,
        "failure": "ConnectTimeout",
        "calls": [],
        "checks": [],
    }
    checked = silent | {"steps": [{"number": 8, "label": "checks", "shows": []}]}
    answered = silent | {"steps": [{"number": 9, "label": "none", "shows": ["response"]}]}
    run = {
        "id": "r",
        "state": "failed",
        "exchanges": [exchange, silent, checked, answered],
        "exchanges_omitted": 12345,
        "files": [],
        "rejects": [],
        "rejected": 3,
        "error": {"error": "odd", "message": "what happened " * 20, "hint": "do this"},
    }
    lines = list(terminal.flow(run, [], NOW, 60))
    text = unstyle("\n".join(lines))
    for shown in (
        "美咲 does a thing",
        "One",
        "1500 ms and 503, ReadTimeoutError",
        "\N{REPLACEMENT CHARACTER}[31mred",
        "… shortened: the body has 9,000 bytes",
        "1795521600  Tue 24 Nov 2026 12:00:00 UTC,",
        "0  Thu 01 Jan 1970 00:00:00 UTC, valid",
        " 20781 days 12 hours",
        "no answer: ConnectTimeout",
        "Two: no answer: ConnectTimeout",
        "Two ⇢ Authorization Server  after 12 ms",
        "GET / → 200",
        "✓ size 0.01 ms, well-formed 0.12 ms",
        "✗ signature: The signature of the token is wrong.",
        "12,345 more exchanges",
        "and 3 more: the rejects files have all",
        "What to do: do this",
        '["é"]',
        f"             {URI}\n                   Payroll",
    ):
        assert shown in text
    plain = [unstyle(line) for line in lines]
    assert max(cells(line) for line in plain) <= 60


def test_flow_prints_the_runs_json_on_demand(url: str, service: Service) -> None:
    (service.settings.inbox / "é.csv").write_text(GOOD)
    result = flow("--url", url, "--json")
    assert json.loads(result.output)["files"][0]["name"] == "é.csv"


def test_flow_prints_the_runs_diagram_and_shortens_what_repeats(url: str, service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(
        HEADER + "".join(f"2026-11-09,P,,1,C-1,{number}\n" for number in range(2 * CHUNK))
    )
    again = "again  POST /timesheets/upload HTTP/1.1 → HTTP/1.1 200 OK"
    assert again in flow("--url", url).output
    assert "sequenceDiagram" in flow("--url", url, "--mermaid").output


def test_flow_fails_with_the_run(url: str, service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.answers = [endpoint.error(400, "invalid_scope", "not yours")]
    result = flow("--url", url)
    assert result.exit_code == 1
    assert "The authorization server answers without an access token" in result.output
    assert "! invalid_scope: no token from the authorization server" in result.output


def test_flow_gives_up_on_a_run_without_end(url: str, service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.hold = threading.Event()
    result = flow("--url", url, "--timeout", "0")
    endpoint.hold.set()
    assert (result.exit_code, "is still on after 0 s" in result.output) == (1, True)


def test_flow_says_that_no_service_answers() -> None:
    result = flow("--url", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.output.startswith("Error: http://127.0.0.1:1 did not answer as the calling service does: ")


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
        stdout, stderr = process.communicate(timeout=30)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run


def test_run_imports_and_exits_by_what_became_of_the_rows(
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


def test_a_file_that_is_still_written_is_left_to_the_next_run(command: Command, settings: Settings) -> None:
    (settings.inbox / "a.csv").write_text(GOOD + "2026-11-0")
    done = command("run")
    assert done.returncode == 4
    assert "waiting: still being written, as it seems; the next run looks again" in done.stdout


def test_a_dry_run_checks_the_rows_and_sends_and_remembers_nothing(
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
    run = rehearse(service.settings, resend=False, progress=lambda *_: None)
    message = f"a file could not be used: {service.settings.inbox} No such file or directory"
    assert (run.state, run.error and run.error.message) == ("failed", message)


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
    stubborn = start("run")
    assert arrived.wait(20)
    while stubborn.poll() is None:
        stubborn.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            stubborn.wait(0.05)
    assert stubborn.returncode == -number
    api.books.clear()
    arrived.clear()
    patient = start("run")
    assert arrived.wait(20)
    patient.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        patient.wait(0.3)
    go_on.set()
    shown, _ = patient.communicate(timeout=20)
    assert (patient.returncode, " stopped ━" in shown, len(api.books)) == (4, True, 500)
    assert start("run").wait(20) == 0
    assert len(api.books) == 700


def test_who_waits_for_the_run_of_another_can_be_told_to_stop(service: Service) -> None:
    lock = os.open(service.settings.state_dir / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    service.history.save(Run("another", "web", "0" * 32, NOW))
    service.runner.stopping.set()
    document = cli._imported(service, lambda *_: None, resend=False, fresh_token=False)
    os.close(lock)
    assert (document["id"], document["state"], cli._status(document)) == ("another", "running", 4)


@pytest.mark.parametrize("changes", [{}, {"NO_COLOR": "1"}])
@pytest.mark.parametrize("columns", [44, 100])
def test_a_terminal_gets_a_progress_bar_that_fits_and_colour_if_wanted(
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


def test_a_run_that_nobody_remembers_is_told_of(service: Service) -> None:
    with pytest.raises(ClickException, match="the run r is gone"):
        cli._ended(service, "r")


def test_run_with_bad_settings_says_so_and_exits_1(command: Command) -> None:
    done = command("run", ISSUER="", SCOPE="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "calling-service: cannot start, 2 problem(s):\n"
        "  - ISSUER: not set; set it to an absolute http(s) URL\n"
        "  - SCOPE: not set; set it to the scopes to ask for, separated by spaces\n"
    )


def test_help_tells_the_exit_codes(command: Command) -> None:
    assert "\n    3  the run completed, and rows were rejected\n" in command("run", "--help").stdout


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3598.9, "59 minutes 58 seconds"),
        (1, "1 second"),
        (0, "0 seconds"),
        (-90061, "1 day 1 hour"),
        (3600, "1 hour"),
        (86405, "1 day 5 seconds"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
