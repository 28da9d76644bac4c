"""Services are reloaded and stopped while clients keep connections open."""

import os
import signal
import time

from live_stack import Stack, eventually
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from drills import processes
from drills.callers import Call, Callers, Reason
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

SERVICE = "protected-api"
RELOADS = 4
CONNECTS = 20
NEW = "a connection for each call"
BUSY = "busy connections"
RARE = "connections used every 2.5 s"
REFUSED = "connection refused"


def play(stage: Stage) -> None:
    """Reload the API a few times and stop it, under three kinds of clients that repeat nothing."""
    stack = stage.stack
    if stage.wrong:
        keep_the_socket_open(stack)
    stage.start()
    port = stack.ports[SERVICE]
    again: list[float] = []
    new = Callers(call(port, again, Connection="close"), stage.tally.row(NEW), threads=3, pause=0)
    busy = Callers(call(port, again), stage.tally.row(BUSY), threads=2, pause=0)
    rare = Callers(call(port, again), stage.tally.row(RARE), threads=10, pause=2.5)
    with new.calling(), busy.calling(), rare.calling():
        for _ in range(RELOADS):
            reload(stack)
            time.sleep(1)  # of ordinary calls
        stage.tally.notes.append(f"connections refused at a reload, and made again: {len(again)}")
        for callers in (new, busy, rare):
            callers.count_in(callers.row, rightly=lambda reason: reason == REFUSED)
        stack.stop(SERVICE)
    after = "after the stop, connections are refused"
    stage.tally.notes.append(f"{RELOADS} reloads (HUP) and a stop (TERM); {after}")


def keep_the_socket_open(stack: Stack) -> None:
    """Let a worker of this copy stop as gunicorn stops it."""
    closing = "    close_sockets_when_told_to_stop(worker)\n"
    stack.edit(f"{SERVICE}/gunicorn.conf.py", closing, "    del worker\n")


def call(port: int, again: list[float], **headers: str) -> Call:
    """Return a call of the API that is sent once; a connection that is refused is tried again for a moment."""
    pool = HTTPConnectionPool("127.0.0.1", port, timeout=10, maxsize=10)

    def once() -> Reason:
        for _ in range(CONNECTS):
            try:
                answer = pool.urlopen("GET", "/healthz", headers=headers, retries=False)
            except NewConnectionError:
                again.append(time.monotonic())
                time.sleep(0.02)
                continue
            except HTTPError as error:
                return type(error).__name__
            return "" if answer.status == 200 else str(answer.status)
        return REFUSED

    return once


def reload(stack: Stack) -> None:
    """Reload the service, and return once it has other workers, and those alone."""
    master = stack.master(SERVICE)
    before = set(processes.children(master))
    os.kill(master, signal.SIGHUP)

    def replaced() -> bool | None:
        now = set(processes.children(master))
        return (len(now) == len(before) and not now & before) or None

    eventually(replaced, "other workers serve")


def holds(tally: Tally) -> bool:
    """Return whether no call failed that the service had accepted."""
    return tally.all_called() and tally.failed == 0


def damaged(tally: Tally) -> bool:
    """Return whether connections were reset."""
    return tally.failed > 0


DRILL = Drill(
    title="A graceful stop under keep-alive clients",
    breaks=(
        f"The API is reloaded {RELOADS} times and then stopped, while three kinds of clients call it: some "
        "make a connection for each call, some keep one busy, and some use one every 2.5 seconds, when gunicorn has "
        "just closed it. None of them sends a call again."
    ),
    expects="No connection is reset: every call that the service accepted is answered.",
    left_out="A worker keeps its listening socket open while it stops, which is what gunicorn does by itself.",
    damage="For up to two seconds the kernel still gives it new connections, and these are reset when it ends.",
    teaches=(
        "With `--reuse-port` each worker has its own queue of new connections, and the kernel chooses one of the "
        "queues. A worker that stops must close its socket first, then answer what it has accepted, and then end: "
        "[`graceful_stop.py`](../protected-api/protected_api/graceful_stop.py)."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
