"""Who plays the cases of the gallery: one at a time, in the background, beside the imports.

A case that is asked for while it is on, or waits for its turn, is joined: no more can wait than there are.
"""

import logging
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

import requests
from calling_service import trace
from calling_service.oauth_client.token_source import TokenError
from calling_service.runs.history import History
from calling_service.runs.run import Failure, Outcome, Run
from calling_service.settings import Settings
from recording.exchange import Exchange
from recording.recorder import recording

from flow_explorer.gallery.case import Case, UnknownCaseError, gallery
from flow_explorer.gallery.stage import Stage
from flow_explorer.verdict import outcome

log = logging.getLogger(__name__)

AGAIN = "then start the case again"
INTERRUPTED = Failure("interrupted", "the service did not play the case to its end", "start the case again")


class UnexpectedAnswerError(Exception):
    """A step before the last did not succeed: what it was, and its status."""


class StoppedError(Exception):
    """The service was told to stop."""


class Cases:
    """Plays cases by their ids; safe to share between threads, has its own from the first case on."""

    def __init__(self, settings: Settings, history: History) -> None:
        self._settings, self._history = settings, history
        self._lock, self._on = threading.Lock(), dict[str, str]()  # run ids by case ids
        self.stopping = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="case")

    def start(self, case_id: str) -> str:
        """Play the case soon, in the background; return the run's id; raise UnknownCaseError."""
        if (case := gallery().get(case_id)) is None:
            raise UnknownCaseError(case_id)
        with self._lock:
            if not self._on:
                self.recover()  # of a case whose end could not be recorded: a full disk, say
            if case_id not in self._on:
                trace_id = trace.current() or trace.trace_id_of(None)
                run = Run(secrets.token_hex(8), "web", trace_id, datetime.now(UTC), case=case.report())
                self._history.save(run)
                done = self._thread.submit(self._run, run, case)
                done.add_done_callback(Future.result)  # whose error, if there is one, is logged
                self._on[case_id] = run.id
            return self._on[case_id]

    def recover(self) -> None:
        """Say of cases whose end was not recorded that they have ended; call while none is on."""
        self._history.abandon(INTERRUPTED, cases=True)

    def stop(self) -> None:
        """Let the request in flight be the last, and end its case and those that wait."""
        self.stopping.set()
        self._thread.shutdown()

    def _run(self, run: Run, case: Case) -> None:
        log.info("case started", extra={"run_id": run.id, "case": case.id})
        exchanges: list[Exchange] = []

        def keep(exchange: Exchange) -> None:
            exchanges.append(exchange)
            self._history.add(run.id, exchange)

        with trace.tracing(run.trace_id), recording(keep):
            try:
                self._play(run, case, exchanges)
                run.state = "completed"
            except Exception as error:  # noqa: BLE001  # whatever happened, the run must say that it is over
                run.fail(_explained(error))
            run.ended_at = datetime.now(UTC)
            with self._lock:
                del self._on[case.id]
                self._history.save(run)
            log.info("case ended", extra={"run_id": run.id, "case": case.id, "state": run.state})

    def _play(self, run: Run, case: Case, exchanges: list[Exchange]) -> None:
        with Stage(self._settings, self.stopping.wait) as stage:
            try:
                for step in case.steps:
                    self._go_on()
                    response = stage.play(step)
                    if step is not case.steps[-1] and not response.ok:
                        said = exchanges[-1].steps[0].label
                        raise UnexpectedAnswerError(f"{said}: {response.status_code} {response.reason}")
                self._go_on()
                run.case = case.report(Outcome(**outcome(exchanges[-1].as_json())))
            finally:
                if case.cleans_up:
                    stage.clean_up()

    def _go_on(self) -> None:
        if self.stopping.is_set():
            raise StoppedError


def _explained(error: Exception) -> Failure:
    """Return what kept a case from being played to its end, in words."""
    look = "look at the logs of the services, by the trace id of this run"
    match error:
        case StoppedError():
            return INTERRUPTED
        case UnexpectedAnswerError():
            return Failure(
                "unexpected_answer", f"a step on the way did not succeed: {error}", f"{look}, {AGAIN}"
            )
        case requests.RequestException():
            message = f"a service did not answer as it should ({type(error).__name__})"
            return Failure("unreachable", message, f"see that all three services run, {AGAIN}")
        case TokenError():
            return Failure(error.error, f"no token: {error.description}", f"{look}, {AGAIN}")
        case OSError():
            what = f"a client's credential cannot be read: {error.filename} ({error.strerror})"
            return Failure("no_credential", what, f"run `make up`, which makes it, {AGAIN}")
    log.error("case failed", exc_info=error)
    return Failure("internal", "an error in the gallery itself", look)
