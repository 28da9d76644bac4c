"""What gunicorn needs besides its options in docker-compose.yml; it reads this file from its own folder."""

from typing import Any

from protected_api.graceful_stop import close_sockets_when_told_to_stop

logger_class = "protected_api.logs.GunicornLogger"
forwarded_allow_ips = ""  # a SCRIPT_NAME header is not trusted, not even from loopback


def when_ready(server: Any) -> None:
    """Log once what the settings leave out."""
    for warning in server.app.wsgi().extensions["warnings"]:
        server.log.warning(warning)


def post_fork(_server: Any, worker: Any) -> None:
    """Let the worker close its sockets as soon as it is told to stop."""
    close_sockets_when_told_to_stop(worker)


def post_worker_init(worker: Any) -> None:
    """Let tokens of the longest length through, and start to fetch the issuer's keys.

    Both in each worker: a reload reads the options of gunicorn again, and a thread does not survive the fork.
    """
    line = len("Authorization: Bearer \r\n") + worker.wsgi.extensions["max_token_length"]
    if worker.cfg.limit_request_field_size < line:
        worker.cfg.set("limit_request_field_size", max(line, 8190))  # gunicorn's default, which 0 stands for
    worker.wsgi.extensions["keys"].start()
