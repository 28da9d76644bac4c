"""Who runs the import: one run at a time per STATE_DIR, in whichever process.

Who asks the service meanwhile joins it; the command line waits, and then runs. A run that was stopped, or
died with its process, is taken up by the next service to start, under its own id.
"""

import logging
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from recording.recorder import recording

from calling_service.import_job.job import ImportJob, Progress
from calling_service.runs.failures import explain
from calling_service.runs.history import History
from calling_service.runs.run import Failure, Run, Trigger
from calling_service.runs.run_lock import acquire, handed_on
from calling_service.settings import Settings
from calling_service.trace import tracing

log = logging.getLogger(__name__)

LONG_ENOUGH = 0.02  # seconds in which another process goes from having the lock to having said so
POLL = 0.2  # seconds between two looks whether the run of another has ended


class StoppedError(Exception):
    """The run was told to stop, and has done so between two chunks."""


class Runner:
    """Starts runs of one job; safe to share between threads, holds nothing open between runs."""

    def __init__(
        self, settings: Settings, job: ImportJob, history: History, drop_token: Callable[[], None]
    ) -> None:
        self._settings, self._job, self._history, self._drop_token = settings, job, history, drop_token
        self._starting, self.stopping = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(
        self, trigger: Trigger, trace_id: str, *, resend: bool = False, fresh_token: bool = False
    ) -> str:
        """Start a run in the background, or join the one that is on; return its id."""
        with self._starting:
            while (lock := acquire(self._settings.state_dir)) is None:
                if running := self._history.unfinished():
                    return str(running[0]["id"])
                time.sleep(LONG_ENOUGH)
            with handed_on(lock):
                return self._in_background(self._new(trigger, trace_id, resend, fresh_token), lock)

    def run_here(self, trace_id: str, *, resend: bool, fresh_token: bool, progress: Progress) -> Run | None:
        """Run in this thread, once no other run is on; return the run, None if told to stop before."""
        while (lock := acquire(self._settings.state_dir)) is None:
            if self.stopping.wait(POLL):
                return None
        with handed_on(lock):
            run = self._new("cli", trace_id, resend, fresh_token)
        self._run(run, lock, progress)
        return run

    def resume(self) -> str | None:
        """Take up, in the background, the run that died with its process, if there is one; return its id."""
        with self._starting:
            if not self._history.unfinished() or (lock := acquire(self._settings.state_dir)) is None:
                return None
            with handed_on(lock):
                if died := self._history.unfinished():
                    log.warning("run taken up again", extra={"run_id": died[0]["id"]})
                    return self._in_background(Run.again(died[0]), lock)
            os.close(lock)
            return None

    def stop(self) -> None:
        """Let the chunk in flight end and the run in the background with it; start nothing any more."""
        self.stopping.set()
        if self._thread and self._thread.is_alive():
            log.info("told to stop: the chunk in flight is the last")
            self._thread.join()  # as long as the chunk takes, or until gunicorn's --graceful-timeout

    def _new(self, trigger: Trigger, trace_id: str, resend: bool, fresh_token: bool) -> Run:
        run = Run(secrets.token_hex(8), trigger, trace_id, datetime.now(UTC), resend, fresh_token)
        self._history.abandon(
            Failure("interrupted", "the process of this run ended before it did", f"see run {run.id}")
        )
        self._history.save(run)
        return run

    def _in_background(self, run: Run, lock: int) -> str:
        self._thread = threading.Thread(target=self._run, args=(run, lock, _silent), name="run", daemon=True)
        self._thread.start()
        return run.id

    def _run(self, run: Run, lock: int, progress: Progress) -> None:
        try:
            with tracing(run.trace_id), recording(lambda exchange: self._history.add(run.id, exchange)):
                self._attempt(run, progress)
        finally:
            os.close(lock)

    def _attempt(self, run: Run, progress: Progress) -> None:
        def saved(done: int, total: int) -> None:
            self._history.save(run)
            progress(done, total)
            if self.stopping.is_set():
                raise StoppedError

        log.info("run started", extra={"run_id": run.id, "trigger": run.trigger})
        try:
            if run.fresh_token:
                self._drop_token()
            self._job.run(run, saved)
        except StoppedError:
            run.stop()
        except Exception as error:  # noqa: BLE001  # whatever happened, the run must say that it is over
            run.fail(explain(error, self._settings) or self._unexpected(error))
        else:
            run.state = "completed"
        run.ended_at = datetime.now(UTC)
        self._record_end(run)
        told = run.as_json()
        counts = {name: told[name] for name in ("state", "booked", "unchanged", "rejected")}
        log.info("run ended", extra={"run_id": run.id, **counts, "error": run.error and run.error.error})

    def _record_end(self, run: Run) -> None:
        try:
            self._history.save(run)
        except sqlite3.Error:  # a full disk, say; the next run to start marks this one as over
            log.exception("the end of the run is not recorded", extra={"run_id": run.id})

    def _unexpected(self, error: Exception) -> Failure:
        log.error("run failed", exc_info=error)
        return Failure(
            "internal",
            "an error in the import job itself",
            "its log has the traceback, by this run's trace id",
        )


def _silent(_done: int, _total: int) -> None:
    """Show no progress."""
