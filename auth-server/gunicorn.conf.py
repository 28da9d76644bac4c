"""Settings of gunicorn that have no command line option; it reads this file in its working directory."""

from typing import Any

from auth_server.graceful_stop import close_sockets_when_told_to_stop

logger_class = "auth_server.logs.GunicornLogger"
forwarded_allow_ips = ""  # do not trust a SCRIPT_NAME header, not even from loopback


def post_fork(_server: Any, worker: Any) -> None:
    """Let the worker close its sockets as soon as it is told to stop."""
    close_sockets_when_told_to_stop(worker)
