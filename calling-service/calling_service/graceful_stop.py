"""A gunicorn worker that closes its sockets as soon as it is told to stop; gunicorn 27 does so at the end.

With --reuse-port each worker has a socket of its own. Until it is closed, the kernel gives it a share of the
new connections, and resets those that nobody has accepted. The same text in all three services.
"""

import array
import socket
import struct
import sys
import time
from contextlib import suppress
from typing import Any

HANDSHAKE_SECONDS = 0.01  # longer than a round trip to a client in the same network
SO_ATTACH_FILTER = 26  # of Linux; the socket module has no name for it
DROP_SYN = [  # classic BPF, for the kernel's packet filter: code, jump if true, jump if false, operand
    (0x30, 0, 0, 13),  # load the byte with the flags of the TCP segment
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # yes: drop the segment
    (0x06, 0, 0, 0xFFFFFFFF),  # no: keep it whole
]


def close_sockets_when_told_to_stop(worker: Any) -> None:
    """Change a gthread worker, between its fork and its start."""
    switch = worker.set_accept_enabled

    def set_accept_enabled(enabled: bool) -> None:
        switch(enabled)
        if not enabled and not worker.alive:
            _close_sockets(worker)

    worker.set_accept_enabled = set_accept_enabled


def _close_sockets(worker: Any) -> None:
    if worker.cfg.reuse_port:  # otherwise other processes accept from the same socket
        for listener in worker.sockets:
            _drop_new_connections(listener)
        time.sleep(HANDSHAKE_SECONDS)
    for listener in worker.sockets:
        _accept_what_waits(worker, listener)
        listener.close()
    worker.sockets = []  # a closed one must not be switched again


def _drop_new_connections(listener: Any) -> None:
    """Let the kernel drop the first segment of each connection; its client sends it again after a second."""
    if sys.platform != "linux":
        return
    program = array.array("B", b"".join(struct.pack("HBBI", *instruction) for instruction in DROP_SYN))
    address, _ = program.buffer_info()
    with suppress(OSError):  # a sandbox may not allow it
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(DROP_SYN), address))


def _accept_what_waits(worker: Any, listener: Any) -> None:
    """Accept the connections that the kernel has made, which closing the socket would reset."""
    before = -1
    while worker.nr_conns > before:
        before = worker.nr_conns
        worker.accept(listener)
