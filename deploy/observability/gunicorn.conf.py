"""The settings of gunicorn that the service has itself, in service.conf.py, and telemetry in each worker."""

import os
from runpy import run_path
from typing import Any

from telemetry.worker import Telemetry, check_settings

check_settings(os.environ)
_service = run_path("service.conf.py")
_begun: list[Telemetry] = []  # of this worker, once it has begun
globals().update({name: value for name, value in _service.items() if not name.startswith("_")})


def _of_service(hook: str, *arguments: Any) -> None:
    if hook in _service:
        _service[hook](*arguments)


def post_worker_init(worker: Any) -> None:
    """Observe the app, then let the service begin."""
    _begun.append(Telemetry(worker.wsgi, os.environ))
    _of_service("post_worker_init", worker)


def worker_exit(server: Any, worker: Any) -> None:
    """Let the service end, then send what was observed."""
    _of_service("worker_exit", server, worker)
    for telemetry in _begun:
        telemetry.close()
