"""What gunicorn's command line cannot say: the form of its log, and what starts in each worker."""

import threading
from typing import Any

from calling_service.logs import GunicornLogger
from calling_service.runs import schedule

logger_class = GunicornLogger
accesslog = None
forwarded_allow_ips = ""  # from loopback too, a SCRIPT_NAME header is a stranger's


def post_worker_init(worker: Any) -> None:
    """Start the background work, after the fork."""
    schedule.start(worker.wsgi.extensions["calling-service"], threading.Event())


def worker_exit(_server: Any, worker: Any) -> None:
    """Let the chunk in flight end before the process does."""
    if worker.wsgi:
        service = worker.wsgi.extensions["calling-service"]
        service.cases.stop()
        service.runner.stop()
