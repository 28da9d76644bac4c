"""What gunicorn needs besides its options in docker-compose.yml; it reads this file from its own folder."""

from typing import Any

logger_class = "protected_api.logs.GunicornLogger"
forwarded_allow_ips = ""  # a SCRIPT_NAME header is not trusted, not even from loopback


def when_ready(server: Any) -> None:
    """Log once what the settings leave out."""
    for warning in server.app.wsgi().extensions["warnings"]:
        server.log.warning(warning)


def post_worker_init(worker: Any) -> None:
    """Start to fetch the issuer's keys in each worker: a thread does not survive the fork."""
    worker.wsgi.extensions["keys"].start()
