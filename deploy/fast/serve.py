"""Serve an app with granian, as safely as gunicorn serves it: `python serve.py auth_server.wsgi:app`.

docker-compose.yml stays the one description of the stack: `--bind`, `--workers`, `--threads` and
`--graceful-timeout` come from its GUNICORN_CMD_ARGS, and the hooks from the service's gunicorn.conf.py. As
with gunicorn's `--preload`, the app is loaded once, before the workers fork. `--check-config` only loads it.
"""

import argparse
import multiprocessing
import os
import runpy
import shlex
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from multiprocessing.util import Finalize
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import logger
from granian.server.mp import MPServer
from werkzeug.exceptions import LengthRequired

LONGEST_HEAD = 32 * 1024  # bytes of request line and headers, besides a token; 100 headers at most
# Granian's messages go to the service's own log. It has no line for a request that is not HTTP.
LOG = {"handlers": {}, "formatters": {}, "loggers": {"_granian": {"propagate": True}}}
NAMES_ARE_AMBIGUOUS = (
    "TRUSTED_PROXIES is set, but granian takes the header X_Forwarded_For, which anybody can send, for"
    " X-Forwarded-For. Let gunicorn serve (without SERVER=granian); or let the proxy drop all header names"
    " with an underscore, as nginx does by default, and set PROXY_DROPS_UNDERSCORES to 1."
)


class BodyInChunks:
    """A body without a length: granian does not say whether it was whole or broke off, so none is read."""

    def read(self, _size: int = -1) -> bytes:
        """Raise LengthRequired, which each service renders in its own way (411)."""
        raise LengthRequired


def guarded(app: WSGIApplication) -> WSGIApplication:
    """Return the app as granian may call it: a body that broke off is an error, not a shorter body."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        in_chunks = "HTTP_TRANSFER_ENCODING" in environ
        environ["wsgi.input_terminated"] = in_chunks  # if not, Werkzeug compares the body with its length
        if in_chunks:
            environ["wsgi.input"] = BodyInChunks()
        body = app(environ, start_response)
        try:
            return [b"".join(body)]  # granian sends a list at once, and anything else piece by piece
        finally:
            if hasattr(body, "close"):
                body.close()

    return call


def in_worker(app: Any, hooks: dict[str, Callable[..., None]]) -> WSGIApplication:
    """Run the hooks with which the service starts and stops a worker; return the app to serve."""
    worker = SimpleNamespace(wsgi=app, cfg=SimpleNamespace(limit_request_field_size=longest_head(app)))
    if "post_worker_init" in hooks:
        hooks["post_worker_init"](worker)
    if "worker_exit" in hooks:
        Finalize(None, hooks["worker_exit"], args=(None, worker), exitpriority=1)
    return guarded(app)


def options() -> argparse.Namespace:
    """Return the options of the command line, and those of gunicorn's that count here too."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--bind")
    for name in ("--workers", "--threads", "--graceful-timeout"):
        shared.add_argument(name, type=int)
    gunicorns, _ = shared.parse_known_args(shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")))
    command = argparse.ArgumentParser(parents=[shared])
    command.add_argument("app")
    command.add_argument("--check-config", action="store_true")
    return command.parse_args(namespace=gunicorns)


def longest_head(app: Any) -> int:
    """Return how many bytes request line and headers may have together."""
    return LONGEST_HEAD + int(app.extensions.get("max_token_length", 0))


def server(chosen: argparse.Namespace, app: Any) -> MPServer:
    """Return granian with gunicorn's options."""
    host, _, port = chosen.bind.rpartition(":")
    return MPServer(
        chosen.app,
        host,
        int(port),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=chosen.workers,
        # Twice as many, started when they are needed: a sender that stops in the middle of a body holds one.
        blocking_threads=2 * chosen.threads,
        http1_settings=HTTP1Settings(max_buffer_size=longest_head(app)),
        log_dictconfig=LOG,
        respawn_failed_workers=True,
        workers_kill_timeout=chosen.graceful_timeout,
    )


def main() -> None:
    """Load the app, start the workers, and serve until a signal ends this process."""
    chosen = options()
    if os.environ.get("TRUSTED_PROXIES") and os.environ.get("PROXY_DROPS_UNDERSCORES") != "1":
        sys.exit(NAMES_ARE_AMBIGUOUS)
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # as gunicorn does, for Python has this file's folder there
    module, _, name = chosen.app.partition(":")
    app = getattr(import_module(module), name)
    hooks = runpy.run_path(str(Path("gunicorn.conf.py").resolve()))
    if chosen.check_config:
        return
    multiprocessing.set_start_method("fork")
    granian = server(chosen, app)
    if "when_ready" in hooks:
        ready = SimpleNamespace(app=SimpleNamespace(wsgi=lambda: app), log=logger)
        granian.on_startup(lambda: hooks["when_ready"](ready))
    granian.serve(target_loader=lambda: in_worker(app, hooks), wrap_loader=False)


if __name__ == "__main__":
    main()
