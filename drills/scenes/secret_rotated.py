"""A client's secret is rotated under load."""

import hashlib
import secrets
import shutil
import time

from live_stack import Stack, eventually

from drills.callers import Callers, Reason, answered
from drills.clients import READER, asking, token_source
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

OLD = f"{READER}.sha256"  # names of files
NEW = f"{READER}.next.sha256"
TOKENS = "token requests"
WITH_OLD = "the old secret, afterwards"
HANDED_OVER_LATER = 2  # seconds, by the twin


def play(stage: Stage) -> None:
    """Change the secret, in the order that the docs give or all at once."""
    stack = stage.stack
    put_the_tenant_beside_its_digests(stack)
    stage.start()
    rows = stage.tally
    source = token_source(stack, READER)
    callers = Callers(asking(stack, source), rows.row(TOKENS))
    replace = replace_at_once if stage.wrong else replace_in_steps
    old = stack.secret(READER)
    with callers.calling():
        eventually(answered(rows.row(TOKENS), 50), "tokens are issued")
        replace(stage, secrets.token_urlsafe(32), rows)
        eventually(answered(rows.row(TOKENS), 50), "tokens are issued")
    refused = eventually(lambda: _refusal(stack, old), "the old secret is refused")
    rows.row(WITH_OLD).add(reason=refused, refused_rightly=True)


def put_the_tenant_beside_its_digests(stack: Stack) -> None:
    """Let the server of this copy read a tenant file that the drill may change."""
    stack.edit("docker-compose.yml", "TENANT_FILE: tenant.yaml", "TENANT_FILE: /run/secrets/tenant.yaml")
    digests = stack.folder / ".secrets/auth-server"
    digests.mkdir(parents=True)
    shutil.copy(stack.folder / "auth-server/tenant.yaml", digests)


def replace_in_steps(stage: Stage, new: str, rows: Tally) -> None:
    """Declare both digests, hand over the new secret, remove the old digest."""
    stack = stage.stack
    (stack.folder / ".secrets/auth-server" / NEW).write_text(hashlib.sha256(new.encode()).hexdigest())
    declare(stack, f"[{OLD}]", f"[{OLD}, {NEW}]")
    hand_over(stack, new)
    eventually(answered(rows.row(TOKENS), 50), "tokens are issued")
    declare(stack, f"[{OLD}, {NEW}]", f"[{NEW}]")


def replace_at_once(stage: Stage, new: str, rows: Tally) -> None:
    """Overwrite the old digest, and hand over the new secret a moment later."""
    stack = stage.stack
    (stack.folder / ".secrets/auth-server" / OLD).write_text(hashlib.sha256(new.encode()).hexdigest())
    eventually(lambda: rows.row(TOKENS).failed > 0 or None, "a client notices")
    time.sleep(HANDED_OVER_LATER)
    hand_over(stack, new)


def declare(stack: Stack, before: str, after: str) -> None:
    """Change the digests of the client in the tenant file, and apply it."""
    stack.edit(".secrets/auth-server/tenant.yaml", before, after)
    stack.inside("auth-server", "flask", "--app", "auth_server.wsgi", "tenant", "apply")


def hand_over(stack: Stack, secret: str) -> None:
    """Put the secret in the place of the client's, in one step."""
    file = stack.folder / ".secrets/calling-service" / READER
    new = file.with_suffix(".new")
    new.write_text(secret)
    new.replace(file)


def _refusal(stack: Stack, secret: str) -> Reason | None:
    answer = stack.ask_for_token(READER, secret=secret, audience=stack.timesheets_api)
    return None if answer.ok else f"{answer.status_code} {answer.json()['error']}"


def holds(tally: Tally) -> bool:
    """Return whether no token request failed, and the old secret is worthless."""
    return tally.all_called() and tally.failed == 0 and tally.rows[WITH_OLD].refused == 1


def damaged(tally: Tally) -> bool:
    """Return whether token requests failed."""
    return tally.rows[TOKENS].failed > 0


DRILL = Drill(
    title="A secret is rotated under load",
    breaks="A client gets a new secret while it asks for tokens from four threads.",
    expects=(
        "For a while both secrets are valid: the new digest is declared beside the old one, the client gets the new "
        "secret, and then the old digest is removed. No token request fails, and in the end the old secret is refused."
    ),
    left_out="The old digest is overwritten, and the client gets its secret two seconds later.",
    damage="Every token request in between fails.",
    teaches=(
        "Two hosts cannot change a secret at the same moment, so the server must accept two for a while, and the client "
        "must read its secret again without a restart. How to know when nobody uses the old one any more is in "
        "[operate the authorization server](authorization-server.md#rotate-a-secret)."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
