"""A signing key is rotated under load, twice."""

import base64
import json

import requests
from calling_service.oauth_client.token_source import TokenSource
from live_stack import Stack, eventually

from drills.callers import Call, Callers, Reason
from drills.clients import CONNECTIONS, READER, READS, reading, session, token_source, with_folder
from drills.drill import Drill
from drills.keys import ANNOUNCEMENT, keys, kid, shorten_the_times
from drills.stage import Stage
from drills.tally import Tally

NEW = "reads, each with a new token"
OLD = "reads with the oldest token"
TOO_LONG = 600  # seconds, for which the twin's API keeps a key set


def play(stage: Stage) -> None:
    """Rotate twice, so that a key signs which nobody knew at the start."""
    stack = stage.stack
    shorten_the_times(stage, api_keeps=TOO_LONG if stage.wrong else 1)
    stage.start()
    known = {key["kid"] for key in keys(stack, "list")}
    if stage.wrong:
        use_up_the_fetch_for_an_unknown_key(stack)
    source = token_source(stack, READER)
    signed_by: set[str] = set()
    new = Callers(read_with_new_token(stack, source, signed_by), stage.tally.row(NEW))
    old = Callers(read_with_one_token(stack, source), stage.tally.row(OLD), threads=1)
    with new.calling(), old.calling():
        for _ in range(2):
            rotate(stack, signed_by)
        eventually(lambda: signed_by - known or None, "a key signs that was not there at the start")
        enough = new.row.calls + 100
        eventually(lambda: new.row.calls > enough or None, "it is in use")
    stage.tally.notes.append(f"{len(signed_by)} keys signed; each was announced {ANNOUNCEMENT} s before")


def rotate(stack: Stack, signed_by: set[str]) -> None:
    """Rotate, and return once another key has signed; a third API fetches the set, and so announces keys."""
    before = len(signed_by)
    keys(stack, "rotate")

    def has_signed() -> bool | None:
        requests.get(f"{stack.url['auth-server']}/.well-known/jwks.json", timeout=10)
        return len(signed_by) > before or None

    eventually(has_signed, "another key signs")


def read_with_one_token(stack: Stack, source: TokenSource) -> Call:
    """Return a call with the token that the source has now, whatever the API answers."""
    token = source.get(stack.timesheets_api, [READS])
    reader = session(0)
    reader.headers["Authorization"] = f"Bearer {token.value}"
    return reading(stack, reader)


def read_with_new_token(stack: Stack, source: TokenSource, signed_by: set[str]) -> Call:
    """Return a call that gets a new token first, and notes the key that signed it."""
    read = reading(stack, with_folder(stack, READER, READS, source))

    def call() -> Reason:
        token = source.get(stack.timesheets_api, [READS])
        signed_by.add(kid(token.value))
        reason = read()
        source.drop(token)
        return reason

    return call


def use_up_the_fetch_for_an_unknown_key(stack: Stack) -> None:
    """Send forged tokens, as anybody can: an API fetches only once in a while because of them."""
    header = base64.urlsafe_b64encode(json.dumps({"typ": "at+jwt", "alg": "RS256", "kid": "forged"}).encode())
    forged = f"{header.decode().rstrip('=')}.e30.AAAA"
    for _ in range(CONNECTIONS):
        requests.get(
            f"{stack.url['protected-api']}/timesheets",
            headers={"Authorization": f"Bearer {forged}"},
            timeout=10,
        )


def holds(tally: Tally) -> bool:
    """Return whether no call failed."""
    return tally.all_called() and tally.failed == 0


def damaged(tally: Tally) -> bool:
    """Return whether new tokens were refused."""
    return tally.rows[NEW].reasons["401 invalid_token"] > 0


DRILL = Drill(
    title="A signing key is rotated under load",
    breaks="The key that signs changes twice, while clients get new tokens and use old ones.",
    expects=(
        "No call fails. Each key is in the key set before it signs, for longer than any API keeps the set, and stays "
        "there until the last token that it signed has expired."
    ),
    left_out=(
        f"The API keeps the key set for {TOO_LONG} seconds, longer than a key is announced, and somebody has used up its "
        "fetch for an unknown key with forged tokens."
    ),
    damage="The API refuses every token that is signed by a key made after its last fetch.",
    teaches=(
        "Announce a key first, and sign with it later. The announcement must last longer than these three together: "
        "the longest time for which an API keeps the set, its cooldown, and the server's own cache. The server refuses "
        "to start with less. Do not rely on the fetch for an unknown `kid`, since anybody can use it up."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
