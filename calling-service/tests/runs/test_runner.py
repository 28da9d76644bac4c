import fcntl
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from calling_service import logs, trace
from calling_service.runs import schedule
from calling_service.runs.history import ENDS_KEPT, RUNS_KEPT, History
from calling_service.runs.run import REJECTS_SHOWN, Run
from calling_service.runs.run_lock import acquire
from calling_service.runs.runner import Runner
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
    """Say whether somebody holds the lock."""
    if (lock := acquire(service.settings.state_dir)) is None:
        return True
    os.close(lock)
    return False


def died(service: Service, run_id: str = "died") -> None:
    service.history.save(Run(run_id, "web", TRACE, datetime.now(UTC)))


def test_a_run_that_died_is_taken_up_under_its_own_id(service: Service, api: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    died(service)
    assert service.runner.resume() == "died"
    wait()
    document = service.history.find("died")
    assert document
    assert (document["state"], document["booked"], document["trace_id"]) == ("completed", 1, TRACE)
    assert len(api.books) == 1
    assert service.runner.resume() is None


def test_a_run_that_is_on_elsewhere_is_joined_and_not_taken_up(service: Service) -> None:
    died(service, "elsewhere")
    lock = os.open(service.settings.state_dir / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert is_on(service)
    assert service.runner.resume() is None
    assert service.runner.start("web", TRACE) == "elsewhere"
    os.close(lock)
    assert not is_on(service)


def test_who_starts_a_run_marks_those_that_died_as_failed(service: Service) -> None:
    died(service)
    run_id = service.runner.start("web", TRACE)
    wait()
    document = service.history.find("died")
    assert document
    assert (document["state"], document["error"]) == (
        "failed",
        {
            "error": "interrupted",
            "message": "the process of this run ended before it did",
            "hint": f"see run {run_id}",
        },
    )


def test_waits_for_the_name_of_a_run_that_has_just_begun_elsewhere(service: Service) -> None:
    lock = os.open(service.settings.state_dir / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    naming = threading.Timer(0.05, died, (service, "named-later"))
    naming.start()
    assert service.runner.start("web", TRACE) == "named-later"
    naming.join()
    os.close(lock)


def test_a_run_in_the_foreground_drops_the_token_when_asked_to(service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    lines: list[tuple[int, int]] = []
    for fresh in (True, False, True):
        run = service.runner.run_here(
            TRACE, resend=True, fresh_token=fresh, progress=lambda *done: lines.append(done)
        )
    assert run
    document = service.history.find(run.id)
    assert document
    assert document.items() >= run.as_json().items()
    assert (document["trigger"], document["unchanged"], endpoint.calls) == ("cli", 1, 2)
    assert lines[-1] == (2, 2)


def test_a_run_that_another_process_takes_up_first_is_left_to_it(service: Service) -> None:
    class Taken(type(service.history)):  # type: ignore[misc]
        asked = 0

        def unfinished(self) -> list[dict[str, Any]]:
            self.asked += 1
            return [{"id": "died"}] if self.asked == 1 else []

    runner = Runner(service.settings, None, Taken(service.settings.state_dir), lambda: None)  # type: ignore[arg-type]
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


def test_a_run_that_cannot_begin_holds_up_no_other(service: Service) -> None:
    history = FullDisk(service.settings.state_dir)
    runner = Runner(service.settings, None, history, lambda: None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.OperationalError):
        runner.start("web", TRACE)
    with pytest.raises(sqlite3.OperationalError):
        runner.run_here(TRACE, resend=False, fresh_token=False, progress=lambda *_: None)
    assert not is_on(service)


def test_a_run_whose_end_cannot_be_recorded_ends_and_is_marked_by_the_next(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    history = FullDisk(service.settings.state_dir)
    history.room = 1
    runner = Runner(service.settings, None, history, lambda: None)  # type: ignore[arg-type]
    run_id = runner.start("web", TRACE)
    wait()
    assert "the end of the run is not recorded" in caplog.text
    assert not is_on(service)
    service.runner.start("web", TRACE)
    wait()
    document = service.history.find(run_id)
    assert document
    assert (document["state"], document["error"]["error"]) == ("failed", "interrupted")


def test_shows_the_first_rejects_and_counts_all(service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD + "bad\n" * (REJECTS_SHOWN + 1))
    service.runner.start("web", TRACE)
    wait()
    document = service.history.recent()[0]
    assert (len(document["rejects"]), document["rejected"]) == (REJECTS_SHOWN, REJECTS_SHOWN + 1)


def test_stopping_with_nothing_on_is_fine(service: Service, api: Any) -> None:
    service.runner.stop()
    assert service.history.recent() == api.requests == []


def test_keeps_the_last_fifty_runs(service: Service) -> None:
    for number in range(RUNS_KEPT + 5):
        run = Run(str(number), "cli", TRACE, datetime.now(UTC), state="completed")
        service.history.save(run)
    assert [run["id"] for run in service.history.recent()] == [
        str(number) for number in reversed(range(5, RUNS_KEPT + 5))
    ]
    assert service.history.find("4") is None


def test_keeps_the_first_and_the_last_exchanges_of_a_long_run(service: Service) -> None:
    class Numbered:
        def __init__(self, number: int) -> None:
            self.number = number

        def as_json(self) -> dict[str, int]:
            return {"number": self.number}

    died(service, "long")
    for number in range(1, 2 * ENDS_KEPT + 8):
        service.history.add("long", Numbered(number))  # type: ignore[arg-type]
    document = service.history.find("long")
    assert document
    kept = [exchange["number"] for exchange in document["exchanges"]]
    assert kept == [*range(1, ENDS_KEPT + 1), *range(ENDS_KEPT + 8, 2 * ENDS_KEPT + 8)]
    assert document["exchanges_omitted"] == 7


class Ticks(threading.Event):
    """An event that lets so many waits time out before it is set."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left, self.waited = number, list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        """Say whether it is set."""
        self.waited.append(timeout)
        self.left -= 1
        return self.left < 0


def test_runs_on_a_schedule_and_goes_on_after_an_error(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    service = build(Settings.from_environ(environ | {"SCHEDULE_SECONDS": "60"}))
    (service.settings.inbox / "a.csv").write_text(GOOD)
    stop = Ticks(1)
    schedule.start(service, stop)
    wait("schedule")
    wait()
    (run,) = service.history.recent()
    assert (run["trigger"], run["booked"], stop.waited) == ("schedule", 1, [60, 60])
    service.close()
    (service.settings.state_dir / "import.db").write_text("this is no database, and longer than a header is")
    schedule.keep(service, 60, Ticks(2))
    assert caplog.text.count("scheduled run not started") == 2


def test_without_a_schedule_nothing_starts(service: Service) -> None:
    schedule.start(service, threading.Event())
    assert service.history.recent() == []


def test_a_log_line_is_json_with_the_trace_and_no_locals() -> None:
    stream, secret = StringIO(), "in a local value"
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.configure("DEBUG", stream)
        with trace.tracing(TRACE):
            try:
                int("x" * len(secret))
            except ValueError:
                logging.getLogger("x").exception("oops %s", 1, extra={"run_id": "r"})
        logging.getLogger("urllib3").debug("a url with a query")
        assert logging.getLogger("urllib3").getEffectiveLevel() == logging.WARNING
    finally:
        root.handlers[:], root.level = before, level
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert "in a local value" not in event["traceback"]
    assert event.pop("traceback").startswith("Traceback")
    assert event == {
        "level": "error",
        "service": "calling-service",
        "logger": "x",
        "message": "oops 1",
        "trace_id": TRACE,
        "run_id": "r",
    }


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE}-" + "0" * 16,
    ],
)
def test_a_traceparent_that_is_not_valid_is_replaced(header: str | None) -> None:
    assert trace.trace_id_of(header) not in {TRACE, "0" * 32}
    assert len(trace.trace_id_of(header)) == 32
