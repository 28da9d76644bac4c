import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from calling_service.import_job.report import REJECTS_SHOWN
from calling_service.runs.history import History
from calling_service.runs.run import Failure, Run
from calling_service.runs.runner import Runner, acquire
from calling_service.service import Service, build
from calling_service.settings import Settings

GOOD = "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = build(settings)
    yield service
    wait()
    service.close()


def wait(name: str = "run") -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


def is_on(service: Service) -> bool:
    """Return whether somebody holds the lock."""
    if (lock := acquire(service.settings.state_dir)) is None:
        return True
    os.close(lock)
    return False


def died(service: Service, run_id: str = "died") -> None:
    service.history.save(Run(run_id, "web", TRACE, datetime.now(UTC)))


def test_a_run_that_died_is_resumed_under_its_own_id(service: Service, api: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    died(service)
    assert service.runner.resume() == "died"
    wait()
    stored = service.history.find("died")
    assert stored
    assert (stored.run.state, stored.run.report.booked, stored.run.trace_id) == (
        "completed",
        1,
        TRACE,
    )
    assert len(api.books) == 1
    assert service.runner.resume() is None


def test_a_run_of_another_process_is_joined_and_not_resumed(service: Service) -> None:
    died(service, "elsewhere")
    lock = os.open(service.settings.state_dir / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert is_on(service)
    assert service.runner.resume() is None
    assert service.runner.start("web") == "elsewhere"
    os.close(lock)
    assert not is_on(service)


def test_a_new_run_marks_those_that_died_as_failed(service: Service) -> None:
    died(service)
    run_id = service.runner.start("web")
    wait()
    stored = service.history.find("died")
    assert stored
    why = Failure("interrupted", "the process of this run ended before it did", f"see run {run_id}")
    assert (stored.run.state, stored.run.error) == ("failed", why)


def test_waits_for_the_id_of_a_run_that_another_process_has_just_begun(service: Service) -> None:
    lock = os.open(service.settings.state_dir / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    naming = threading.Timer(0.05, died, (service, "named-later"))
    naming.start()
    assert service.runner.start("web") == "named-later"
    naming.join()
    os.close(lock)


def test_a_run_in_the_foreground_drops_the_token_on_demand(service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    lines: list[tuple[int, int]] = []
    for fresh in (True, False, True):
        run = service.runner.run_here(
            resend=True, fresh_token=fresh, progress=lambda *done: lines.append(done)
        )
    assert run
    stored = service.history.find(run.id)
    assert stored
    assert stored.run.as_json() == run.as_json()
    assert (run.trigger, run.report.unchanged, endpoint.calls) == ("cli", 1, 2)
    assert lines[-1] == (2, 2)


def test_a_run_that_another_process_resumes_first_is_left_to_it(service: Service) -> None:
    class Taken(type(service.history)):  # type: ignore[misc]
        def unfinished(self) -> list[Run]:
            assert is_on(service), "looks only while it holds the lock"
            return []

    died(service)
    runner = Runner(service.settings, None, Taken(service.settings.state_dir), nullcontext, service.tokens)  # type: ignore[arg-type]
    assert runner.resume() is None
    assert not is_on(service)


class FullDisk(History):
    """A history that can be written so many times."""

    room = 0

    def save(self, run: Run) -> None:
        """Write the run while there is room."""
        if self.room == 0:
            raise sqlite3.OperationalError("database or disk is full")
        self.room -= 1
        super().save(run)


def test_a_run_that_cannot_begin_releases_the_lock(service: Service) -> None:
    history = FullDisk(service.settings.state_dir)
    runner = Runner(service.settings, None, history, nullcontext, service.tokens)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.OperationalError):
        runner.start("web")
    with pytest.raises(sqlite3.OperationalError):
        runner.run_here(resend=False, fresh_token=False, progress=lambda *_: None)
    assert not is_on(service)


def test_a_run_whose_end_cannot_be_recorded_ends_and_is_marked_by_the_next(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    history = FullDisk(service.settings.state_dir)
    history.room = 1
    runner = Runner(service.settings, None, history, nullcontext, service.tokens)  # type: ignore[arg-type]
    run_id = runner.start("web")
    wait()
    assert "the end of the run is not recorded" in caplog.text
    assert not is_on(service)
    service.runner.start("web")
    wait()
    stored = service.history.find(run_id)
    assert stored
    assert stored.run.error
    assert (stored.run.state, stored.run.error.error) == ("failed", "interrupted")


def test_shows_the_first_rejects_and_counts_all(service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD + "bad\n" * (REJECTS_SHOWN + 1))
    service.runner.start("web")
    wait()
    report = service.history.recent()[0].report
    assert (len(report.rejects), report.rejected) == (REJECTS_SHOWN, REJECTS_SHOWN + 1)


def test_stopping_without_a_run_does_nothing(service: Service, api: Any) -> None:
    service.runner.stop()
    assert service.history.recent() == api.requests == []
