"""A signing key has leaked and is revoked under load."""

import time

import requests
from calling_service.oauth_client.refused_tokens import YOUNG
from live_stack import Stack, eventually

from drills.callers import Callers
from drills.clients import (
    CONNECTIONS,
    READER,
    READS,
    reading,
    token_source,
    with_folder,
    without_folder,
)
from drills.drill import Drill
from drills.keys import keys, kid, shorten_the_times
from drills.stage import Stage
from drills.tally import Tally

READ = "reads"
THIEF = "the thief"
WITHIN = 4  # seconds: the API's soft time of 1 s, and the time of a busy machine


def play(stage: Stage) -> None:
    """Revoke the key while clients call and a thief has a token that it signed."""
    stack = stage.stack
    shorten_the_times(stage)
    stage.start()
    stolen = token_source(stack, READER).get(stack.timesheets_api, [READS]).value
    client = without_folder(stack, READER) if stage.wrong else with_folder(stack, READER, READS)
    callers = Callers(reading(stack, client), stage.tally.row(READ))
    with callers.calling():
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > YOUNG or None, "the token is no longer new")
        refused_after = revoke(stack, stolen)
        before = callers.row.calls
        eventually(lambda: callers.row.calls > before + 100 or None, "the clients go on")
    for _ in range(CONNECTIONS):
        stage.tally.row(THIEF).add(reason="401 invalid_token", refused_rightly=refused_after < WITHIN)
    stage.tally.notes.append(f"the thief was served for {refused_after:.1f} s after the revocation")


def revoke(stack: Stack, stolen: str) -> float:
    """Revoke the key that signed this token; return for how many seconds the API still served the thief."""
    keys(stack, "revoke", kid(stolen))
    revoked = time.monotonic()
    url = stack.url["protected-api"]
    eventually(lambda: _statuses(url, stolen) == {401} or None, "the thief is refused")
    return time.monotonic() - revoked


def _statuses(url: str, token: str) -> set[int]:
    """Return the statuses of so many calls on new connections that every worker gets one."""
    headers = {"Authorization": f"Bearer {token}"}
    return {
        requests.get(f"{url}/timesheets?limit=1", headers=headers, timeout=10).status_code
        for _ in range(CONNECTIONS)
    }


def holds(tally: Tally) -> bool:
    """Return whether no honest call failed, and the thief was refused in time."""
    return tally.all_called() and tally.failed == 0


def damaged(tally: Tally) -> bool:
    """Return whether honest clients are refused."""
    return tally.rows[READ].reasons["401 invalid_token"] > 0


DRILL = Drill(
    title="A signing key is revoked under load",
    breaks="The key that signs has leaked, and the operator revokes it. A thief has a token that it signed, as all clients do.",
    expects=(
        "The next key signs at once, and every API knows it already. The thief is refused as soon as the API has "
        "fetched the key set again, which it does every second here. The clients are refused once too. They get a new "
        "token and send the call again, so that no call fails. (A token younger than five seconds is an "
        "exception: that call fails, because the client suspects the clocks and keeps the token until the next 401.)"
    ),
    left_out="The clients keep a token until its `exp`, whatever the API answers.",
    damage="All their calls fail from the revocation until their tokens expire, which takes up to an hour in the sample.",
    teaches=(
        "A key can be revoked in the middle of the day, if clients get another token when they are answered 401 with "
        "`invalid_token`. A thief is still served for as long as your API keeps the key set. "
        "[When a signing key leaks](authorization-server.md#when-a-signing-key-leaks) has the steps."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
