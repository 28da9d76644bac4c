"""What goes on in a worker without being asked: the run that died is taken up, and runs start on a schedule."""

import logging
import threading

from . import trace
from .service import Service

log = logging.getLogger(__name__)


def start(service: Service, stop: threading.Event) -> None:
    """Take up a run that died, and start the schedule's thread if there is a schedule; call once per process."""
    service.runner.resume()
    if service.settings.schedule_seconds is not None:
        threading.Thread(target=keep, args=(service, stop), name="schedule", daemon=True).start()


def keep(service: Service, stop: threading.Event) -> None:
    """Start a run every so often, until told to stop."""
    while not stop.wait(service.settings.schedule_seconds):
        try:
            service.runner.start("schedule", trace.trace_id_of(None))
        except Exception:
            log.exception("scheduled run not started")
