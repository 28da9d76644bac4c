"""Both servers are replaced by a new release, one instance after the other, under load."""

import os
import signal

from live_stack import eventually

from drills import processes
from drills.callers import Call, Callers, answered
from drills.clients import READER, TIMEOUT, outcome, reading, session, without_folder
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

READ = "reads"
TOKENS = "token requests"
SERVICES = {"auth-server": TOKENS, "protected-api": READ}


def play(stage: Stage) -> None:
    """Start an instance of the new release and stop the old one; the twin stops first."""
    stack = stage.stack
    stage.start()
    reads = Callers(reading(stack, without_folder(stack, READER)), stage.tally.row(READ), threads=6)
    tokens = Callers(asking(stage), stage.tally.row(TOKENS), threads=3)
    with reads.calling(), tokens.calling():
        for service, calls in SERVICES.items():
            eventually(answered(stage.tally.row(calls), 50), "calls are answered")
            if stage.wrong:
                stop_old(stage, service)
                start_new(stage, service)
            else:
                start_new(stage, service)
                stop_old(stage, service)
        for calls in SERVICES.values():
            eventually(answered(stage.tally.row(calls), 50), "the new release answers")
    stage.tally.notes.append("no client sent a call again")


def asking(stage: Stage) -> Call:
    """Return a call that asks for a token, once."""
    stack = stage.stack
    once = session(0)
    form = {"grant_type": "client_credentials", "audience": stack.timesheets_api}
    auth = (READER, stack.secret(READER))
    url = f"{stack.url['auth-server']}/oauth/token"
    return lambda: outcome(lambda: once.post(url, form, auth=auth, timeout=TIMEOUT))


def start_new(stage: Stage, service: str) -> None:
    """Start an instance of the new release, and return when it serves."""
    instance = stage.begin_instance(service)
    eventually(lambda: stage.serves(service, instance) or None, "the new release serves")


def stop_old(stage: Stage, service: str) -> None:
    """Stop the instance of the old release gracefully, and return when it has ended."""
    master = stage.stack.master(service)
    os.kill(master, signal.SIGTERM)
    eventually(lambda: not processes.is_running(master) or None, "the old release has ended")


def holds(tally: Tally) -> bool:
    """Return whether no call failed."""
    return tally.all_called() and tally.failed == 0


def damaged(tally: Tally) -> bool:
    """Return whether calls failed."""
    return tally.failed > 0


DRILL = Drill(
    title="A rolling update",
    breaks=(
        "Authorization server and API are replaced, one after the other, under clients that send no call again. The new "
        "release starts beside the old one, on the same port and the same database."
    ),
    expects="No call fails: the old release is asked to stop only when the new one serves, and answers what it has accepted.",
    left_out="The old release is stopped first.",
    damage="Until the new one serves, every connection is refused.",
    teaches=(
        "An update without a gap needs three things: a new release that can run beside the old one on one database, a "
        "readiness check that is true only when it serves, and a stop that resets nothing. With several instances, apply "
        "the tenant as [a step of its own](authorization-server.md#several-instances)."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
