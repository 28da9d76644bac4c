"""What gunicorn must know beyond its options in docker-compose.yml; read from the working directory."""

from typing import Any

logger_class = "protected_api.logs.GunicornLogger"
forwarded_allow_ips = ""  # from loopback too, a SCRIPT_NAME header is a stranger's


def when_ready(server: Any) -> None:
    """Say once what the settings leave closed."""
    for warning in server.app.wsgi().extensions["warnings"]:
        server.log.warning(warning)


def post_worker_init(worker: Any) -> None:
    """Fetch the issuer's keys in each worker: a thread would not survive the fork."""
    worker.wsgi.extensions["keys"].start()
