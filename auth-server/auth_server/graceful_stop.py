"""A gunicorn worker that closes its sockets as soon as it is told to stop; gunicorn 27 does so at the end.

With --reuse-port each worker has a socket of its own. Until it is closed, the kernel gives it a share of the
new connections, which are reset when the worker ends. The same text in all three services.
"""

from typing import Any


def close_sockets_when_told_to_stop(worker: Any) -> None:
    """Change a gthread worker, between its fork and its start."""
    switch = worker.set_accept_enabled

    def set_accept_enabled(enabled: bool) -> None:
        switch(enabled)
        if not enabled and not worker.alive:
            _close_sockets(worker)

    worker.set_accept_enabled = set_accept_enabled


def _close_sockets(worker: Any) -> None:
    for listener in worker.sockets:
        _accept_what_waits(worker, listener)
        listener.close()
    worker.sockets = []  # a closed one must not be switched again


def _accept_what_waits(worker: Any, listener: Any) -> None:
    """Accept the connections that the kernel has made, which closing the socket would reset."""
    before = -1
    while worker.nr_conns > before:
        before = worker.nr_conns
        worker.accept(listener)
