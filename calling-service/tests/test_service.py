import ssl
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from calling_service.runs.case import CaseReport, Outcome
from calling_service.runs.run import Run
from calling_service.service import build
from calling_service.settings import Settings
from calling_service.web import build_web

GOOD = "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"


def wait(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


class Ticks(threading.Event):
    """An event that lets so many waits time out before it is set."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left, self.waited = number, list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        """Return whether it is set."""
        self.waited.append(timeout)
        self.left -= 1
        return self.left < 0


def test_runs_on_a_schedule_and_continues_after_an_error(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    service = build(Settings.from_environ(environ | {"SCHEDULE_SECONDS": "60"}))
    (service.settings.inbox / "a.csv").write_text(GOOD)
    stop = Ticks(1)
    service.start(stop)
    wait("schedule")
    wait("run")
    (run,) = service.history.recent()
    assert (run.trigger, run.report.booked, stop.waited) == ("schedule", 1, [60, 60])
    service.close()
    (service.settings.state_dir / "import.db").write_text(
        "this is not a database, and longer than a header is"
    )
    service.keep_schedule(Ticks(2))
    assert caplog.text.count("scheduled run not started") == 2


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_case_that_died_is_marked_as_failed_without_the_explorer_too(
    settings: Settings, state: Literal["running", "stopped"]
) -> None:
    service = build(settings)
    nothing = Outcome(None, None, None)
    service.history.save(replace(Run.new("web"), state=state, case=CaseReport("c", "", "", "", "", nothing)))
    service.start(threading.Event())
    (run,) = service.history.recent()
    assert (run.state, run.error and run.error.error) == ("failed", "interrupted")
    assert run.ended_at
    service.close()


def test_without_a_schedule_nothing_starts(settings: Settings) -> None:
    service = build(settings)
    service.start(threading.Event())
    assert service.history.recent() == []
    service.close()


def test_the_job_trusts_the_cas_of_its_file_in_tls_with_both_services(
    environ: dict[str, str], serve: Any, endpoint: Any, api: Any, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    ca_file, context = certificate
    urls = {"TOKEN_URL": serve(endpoint, context), "API_URL": serve(api, context)}
    states = []
    for bundle in ("", str(ca_file)):
        service = build(Settings.from_environ(environ | urls | {"CA_FILE": bundle}))
        (service.settings.inbox / "a.csv").write_text(GOOD)
        run = service.runner.run_here(resend=False, fresh_token=False, progress=lambda *_: None)
        service.close()
        assert run
        states.append((run.state, run.report.booked))
    assert states == [("failed", 0), ("completed", 1)]


def test_the_explorer_trusts_the_same_cas(environ: dict[str, str], certificate: tuple[Path, Any]) -> None:
    ca_file = str(certificate[0])
    service = build_web(Settings.from_environ(environ | {"EXPLAIN": "1", "CA_FILE": ca_file}))
    assert service.explorer
    assert service.explorer.tokens.session.verify == ca_file
    assert service.explorer.servers.ca_file == certificate[0]
    service.close()
