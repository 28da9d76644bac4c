import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from calling_service import cli, terminal
from calling_service.app import create_app
from calling_service.service import Service, build
from calling_service.settings import Settings
from calling_service.words import duration
from click import unstyle
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
        "response": message,
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
        "GET http://k/ → 200",
        "✓ size 0.01 ms, well-formed 0.12 ms",
        "✗ signature: The signature of the token is wrong.",
        "No token is asked for",
        "12,345 more exchanges",
        "and 3 more: the rejects files have all",
        "What to do: do this",
        '["é"]',
        f"             {URI}\n                   Payroll",
    ):
        assert shown in text
    plain = [unstyle(line) for line in lines]
    assert max(terminal.cells(line) for line in plain) <= 60


def test_flow_prints_the_runs_json_on_demand(url: str, service: Service) -> None:
    (service.settings.inbox / "é.csv").write_text(GOOD)
    result = flow("--url", url, "--json")
    assert json.loads(result.output)["files"][0]["name"] == "é.csv"


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


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(environ: dict[str, str]) -> Command:
    """Run the CLI in a process of its own."""

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-m", "calling_service", *arguments],
            cwd=Path(cli.__file__).parents[1],
            env={**os.environ, **environ, **changes},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

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
    settings.inbox.rename(settings.inbox.with_name("gone"))
    settings.inbox.write_text("no folder")
    assert command("run", "--dry-run").returncode == 1


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
