"""What goes on in a worker unasked: a run that died is taken up, and runs start on a schedule."""

import logging
import threading

from calling_service import trace
from calling_service.service import Service

log = logging.getLogger(__name__)


def start(service: Service, stop: threading.Event) -> None:
    """Take up a run that died, and start the schedule if there is one; call once per process."""
    service.cases.recover()
    service.runner.resume()
    if seconds := service.settings.schedule_seconds:
        threading.Thread(target=keep, args=(service, seconds, stop), name="schedule", daemon=True).start()


def keep(service: Service, seconds: float, stop: threading.Event) -> None:
    """Start a run every so many seconds, until told to stop."""
    while not stop.wait(seconds):
        try:
            service.runner.start("schedule", trace.trace_id_of(None))
        except Exception:
            log.exception("scheduled run not started")
