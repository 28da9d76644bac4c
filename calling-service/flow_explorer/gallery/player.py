"""Plays the cases of the gallery one at a time, in the background, beside the imports.

Starting a case that is playing or waiting joins it, so no more cases can wait than there are.
"""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import requests
from calling_service.oauth_client.token_source import TokenError
from calling_service.runs.case import Outcome, UnknownCaseError
from calling_service.runs.history import History
from calling_service.runs.run import CASE_INTERRUPTED, Failure, Run
from calling_service.runs.runner import Record
from recording.exchange import Exchange

from flow_explorer.answers import outcome
from flow_explorer.gallery.case import Case, gallery
from flow_explorer.gallery.step_runner import StepRunner
from flow_explorer.servers import Servers

log = logging.getLogger(__name__)

SEE_LOGS = "look at the logs of the services, by the trace id of this run"


class UnexpectedAnswerError(Exception):
    """A step before the last did not succeed."""


class CaseStoppedError(Exception):
    """The service was told to stop."""


class CasePlayer:
    """Plays cases by their ids in a thread of its own; threads may share it."""

    def __init__(self, servers: Servers, history: History, record: Record) -> None:
        self._servers = servers
        self._history = history
        self._record = record
        self._lock = threading.Lock()
        self._run_ids: dict[str, str] = {}  # of the cases that are playing or waiting, by their ids
        self.stopping = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="case")

    def start(self, case_id: str) -> str:
        """Play the case in the background; return the run's id, or raise UnknownCaseError."""
        case = gallery().get(case_id)
        if case is None or case.overlay not in {"", self._servers.overlay}:
            raise UnknownCaseError(case_id)
        with self._lock:
            if not self._run_ids:
                # A case whose end could not be recorded, on a full disk for example.
                self._history.abandon(CASE_INTERRUPTED, cases=True)
            if case_id not in self._run_ids:
                run = Run.new("web")
                run.case = case.report()
                self._history.save(run)
                done = self._executor.submit(self._run, run, case)
                done.add_done_callback(Future.result)  # raises an error of the thread, so that it is logged
                self._run_ids[case_id] = run.id
            return self._run_ids[case_id]

    def stop(self) -> None:
        """Finish the request in flight, and end its case and those that wait."""
        self.stopping.set()
        self._executor.shutdown()

    def _run(self, run: Run, case: Case) -> None:
        log.info("case started", extra={"run_id": run.id, "case": case.id})
        with self._record(run):
            try:
                self._play(run, case)
                run.state = "completed"
            except Exception as error:  # noqa: BLE001  # whatever happened, the run must end
                run.fail(_explained(error))
            run.ended_at = datetime.now(UTC)
            with self._lock:
                del self._run_ids[case.id]
                self._history.save(run)
            log.info("case ended", extra={"run_id": run.id, "case": case.id, "state": run.state})

    def _play(self, run: Run, case: Case) -> None:
        with closing(StepRunner(self._servers, self.stopping.wait)) as steps:
            try:
                for step in case.steps:
                    self._raise_if_stopping()
                    response = steps.run(step)
                    if step is not case.steps[-1] and not response.ok:
                        answer = f"{response.status_code} {response.reason}"
                        raise UnexpectedAnswerError(f"{steps.labels.last}: {answer}")
                self._raise_if_stopping()
                run.case = case.report(self._outcome(run))
            finally:
                if case.cleans_up:
                    steps.clean_up()

    def _outcome(self, run: Run) -> Outcome:
        """Return the outcome of the last exchange so far."""
        stored = self._history.find(run.id)
        if stored is None:
            raise LookupError(run.id)
        return outcome(Exchange.from_json(stored.exchanges[-1]))

    def _raise_if_stopping(self) -> None:
        if self.stopping.is_set():
            raise CaseStoppedError


def _explained(error: Exception) -> Failure:
    """Return why a case was not played to its end, in words."""
    again = "then start the case again"
    match error:
        case CaseStoppedError():
            return CASE_INTERRUPTED
        case UnexpectedAnswerError():
            message = f"a step before the last did not succeed: {error}"
            return Failure("unexpected_answer", message, f"{SEE_LOGS}, {again}")
        case requests.RequestException():
            message = f"a service did not answer as it should ({type(error).__name__})"
            return Failure("unreachable", message, f"check that all three services run, {again}")
        case TokenError():
            return Failure(error.error, f"no token: {error.description}", f"{SEE_LOGS}, {again}")
        case OSError():
            message = f"a client's credential cannot be read: {error.filename} ({error.strerror})"
            return Failure("no_credential", message, f"run `make up`, which makes it, {again}")
    log.error("case failed", exc_info=error)
    return Failure("internal", "an error in the gallery itself", SEE_LOGS)
