"""What gunicorn's command line cannot set: the form of its log, and what starts and stops with a worker."""

import threading
from typing import Any

from calling_service.graceful_stop import close_sockets_when_told_to_stop
from calling_service.logs import GunicornLogger

logger_class = GunicornLogger
accesslog = None
forwarded_allow_ips = ""  # a SCRIPT_NAME header counts from nobody, not even from loopback


def post_fork(_server: Any, worker: Any) -> None:
    """Let the worker close its sockets as soon as it is told to stop."""
    close_sockets_when_told_to_stop(worker)


def post_worker_init(worker: Any) -> None:
    """Start the background work, after the fork."""
    worker.wsgi.extensions["calling-service"].start(threading.Event())


def worker_exit(_server: Any, worker: Any) -> None:
    """Finish the chunk in flight before the process ends."""
    if worker.wsgi:
        worker.wsgi.extensions["calling-service"].stop()
