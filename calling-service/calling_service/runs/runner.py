"""Starts the runs of the import: one at a time per STATE_DIR, in whichever process, by a lock on a file.

While a run is going on, the service joins requests to it, and the command line waits for its end. The next
service to start resumes a run that was stopped, or died with its process; the run keeps its id.
"""

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from calling_service.import_job.job import ImportJob, Progress
from calling_service.oauth_client.token_source import TokenSource
from calling_service.runs.failures import explain
from calling_service.runs.history import History
from calling_service.runs.run import Failure, Run, Trigger
from calling_service.settings import Settings

log = logging.getLogger(__name__)

JUST_BEGUN = 0.02  # seconds for which another process may hold the lock before its run is in the history
POLL = 0.2  # seconds between two attempts to get the lock while another run is going on
UNEXPECTED = Failure("internal", "an error in the import job itself", "see its log, by this run's trace id")

Record = Callable[[Run], AbstractContextManager[None]]  # records the exchanges within its block as the run's


class ImportStoppedError(Exception):
    """The run has stopped between two chunks, as it should."""


def acquire(state_dir: Path) -> int | None:
    """Return the lock, a descriptor whose closing releases it; None if another run holds it."""
    descriptor = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _released_on_error(lock: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.close(lock)
        raise


@dataclass(eq=False)
class Runner:
    """Starts runs of one job; safe to share between threads, holds nothing open between runs."""

    settings: Settings
    job: ImportJob
    history: History
    record: Record
    tokens: TokenSource
    stopping: threading.Event = field(default_factory=threading.Event)
    _starting: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self, trigger: Trigger, *, resend: bool = False, fresh_token: bool = False) -> str:
        """Start a run in the background, or join the current one; return its id."""
        with self._starting:
            lock = acquire(self.settings.state_dir)
            while lock is None:
                running = self.history.unfinished()
                if running:
                    return running[0].id
                time.sleep(JUST_BEGUN)
                lock = acquire(self.settings.state_dir)
            with _released_on_error(lock):
                run = self._new(trigger, resend, fresh_token)
                return self._in_background(run, lock)

    def run_here(self, *, resend: bool, fresh_token: bool, progress: Progress) -> Run | None:
        """Run in this thread, after any other run; return the run, or None if `stopping` was set before."""
        lock = acquire(self.settings.state_dir)
        while lock is None:
            if self.stopping.wait(POLL):
                return None
            lock = acquire(self.settings.state_dir)
        with _released_on_error(lock):
            run = self._new("cli", resend, fresh_token)
        self._run(run, lock, progress)
        return run

    def resume(self) -> str | None:
        """Resume in the background the run that died with its process, if there is one; return its id."""
        with self._starting:
            lock = acquire(self.settings.state_dir)
            if lock is None:
                return None
            with _released_on_error(lock):
                died = self.history.unfinished()
                if died:
                    log.warning("run resumed", extra={"run_id": died[0].id})
                    return self._in_background(died[0].again(), lock)
            os.close(lock)
            return None

    def stop(self) -> None:
        """Finish the chunk in flight, and with it the run in the background; start nothing any more."""
        self.stopping.set()
        if self._thread and self._thread.is_alive():
            log.info("stopping after the chunk in flight")
            self._thread.join()  # as long as the chunk takes, or until gunicorn's --graceful-timeout

    def _new(self, trigger: Trigger, resend: bool, fresh_token: bool) -> Run:
        run = Run.new(trigger, resend=resend, fresh_token=fresh_token)
        why = Failure("interrupted", "the process of this run ended before it did", f"see run {run.id}")
        self.history.abandon(why)
        self.history.save(run)
        return run

    def _in_background(self, run: Run, lock: int) -> str:
        self._thread = threading.Thread(target=self._run, args=(run, lock), name="run", daemon=True)
        self._thread.start()
        return run.id

    def _run(self, run: Run, lock: int, progress: Progress = lambda *_: None) -> None:
        try:
            with self.record(run):
                log.info("run started", extra={"run_id": run.id, "trigger": run.trigger})
                self._import(run, progress)
                error = run.error and run.error.error
                counts = {name: getattr(run.report, name) for name in ("booked", "unchanged", "rejected")}
                log.info("run ended", extra={"run_id": run.id, "state": run.state, **counts, "error": error})
        finally:
            os.close(lock)

    def _drop_token(self) -> None:
        settings = self.settings
        token = self.tokens.peek(settings.audience, settings.scopes)
        if token:
            self.tokens.drop(token)

    def _import(self, run: Run, progress: Progress) -> None:
        def save(done: int, total: int) -> None:
            self.history.save(run)
            progress(done, total)
            if self.stopping.is_set():
                raise ImportStoppedError

        try:
            if run.fresh_token:
                self._drop_token()
            self.job.run(run.report, save, resend=run.resend)
            run.state = "completed"
        except ImportStoppedError:
            run.stop()
        except Exception as error:  # whatever happened, the run must say that it is over
            why = explain(error, self.settings)
            if why is None:
                log.exception("run failed")
            run.fail(why or UNEXPECTED)
        run.ended_at = datetime.now(UTC)
        try:
            self.history.save(run)
        except sqlite3.Error:  # such as a full disk; the next run to start marks this one as over
            log.exception("the end of the run is not recorded", extra={"run_id": run.id})
