"""The Valkey in which failed logins are counted hangs, stops, and comes back."""

import itertools
import signal
import time

import requests
from live_stack import Stack
from valkey_server import PASSWORD, ValkeyServer

from drills.callers import Call, Callers, Reason
from drills.clients import READER, TIMEOUT, outcome, session
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

LIMIT = 20  # failed logins a minute
EACH = 4  # seconds
LATE = 0.5  # seconds: the store's time-out is one
WELL = "is well"
HANGS = "hangs"
DOWN = "is down"
BACK = "is back"
VERBS = {WELL: (), HANGS: ("pause",), DOWN: ("unpause", "stop"), BACK: ("start",)}
COUNTING = "auth-server/auth_server/protocol/shared_failures.py"


def play(stage: Stage) -> None:
    """Let clients log in rightly and attackers wrongly, while the store changes."""
    stack = stage.stack
    if stage.wrong:
        count_in_the_request(stack)
    valkey = ValkeyServer()
    try:
        file = stack.folder / "valkey-password"
        file.write_text(PASSWORD)
        stage.set(
            "TENANT_FILE:",
            FAILED_LOGINS_PER_MINUTE=LIMIT,
            FAILED_LOGINS_STORAGE=valkey.url,
            FAILED_LOGINS_PASSWORD_FILE=str(file),
        )
        stage.start()
        _log_in(stage, valkey)
    finally:
        signal.alarm(0)  # nothing may break this off
        valkey.remove()


def _log_in(stage: Stage, valkey: ValkeyServer) -> None:
    """Let clients and attackers call while the store goes through its states."""
    guesses = Guesses(stage.stack)
    logins = logging_in(stage.stack)
    right = Callers(logins, stage.tally.row(f"logins while it {WELL}"), threads=3)
    wrong = Callers(guesses.guess, stage.tally.row(f"guesses while it {WELL}"), threads=8)
    wrong.rightly = _is_refusal
    right.late = LATE
    with right.calling(), wrong.calling():
        for state, verbs in VERBS.items():
            for verb in verbs:
                valkey.docker(verb)
            right.count_in(stage.tally.row(f"logins while it {state}"))
            wrong.count_in(stage.tally.row(f"guesses while it {state}"), rightly=_is_refusal)
            guessed = f"guessed while it {state}" if state in {WELL, BACK} else ""
            guesses.begin(guessed)
            time.sleep(EACH)


def _is_refusal(reason: str) -> bool:
    return reason in {"401", "429"}


def logging_in(stack: Stack) -> Call:
    """Return a call that asks for a token once, with the right secret."""
    once = session(0)
    secret = stack.secret(READER)
    return lambda: outcome(lambda: ask(stack, once, READER, secret))


class Guesses:
    """Guesses secrets: of one client id, or each time of another one, so that each guess has to be counted."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._session = session(0)
        self._client_id = ""
        self._numbers = itertools.count()

    def begin(self, client_id: str) -> None:
        """Guess the secret of this client id from now on; empty: each time of another one."""
        self._client_id = client_id

    def guess(self) -> Reason:
        """Make one guess."""
        client_id = self._client_id or f"client {next(self._numbers)}"
        return outcome(lambda: ask(self._stack, self._session, client_id, "guessed"))


def ask(stack: Stack, once: requests.Session, client_id: str, secret: str) -> requests.Response:
    """Ask for a token, in the body: a client id here has blanks."""
    form = {"grant_type": "client_credentials", "audience": stack.timesheets_api}
    form |= {"client_id": client_id, "client_secret": secret}
    return once.post(f"{stack.url['auth-server']}/oauth/token", form, timeout=TIMEOUT)


def count_in_the_request(stack: Stack) -> None:
    """Let the server of this copy ask the store before it answers, as a limiter usually does."""
    by_thread = "        with suppress(Full):\n            self._waiting.put_nowait(key)\n        return 0\n"
    in_request = "        self._count(FixedWindowRateLimiter(self._store()), key)\n        return self._above.get(key, 0)\n"
    stack.edit(COUNTING, by_thread, in_request)


def holds(tally: Tally) -> bool:
    """Return whether every login was answered in time, every guess refused, and guesses limited in the end."""
    is_limited = all(tally.rows[f"guesses while it {state}"].reasons["429"] for state in (WELL, BACK))
    return tally.all_called() and tally.failed == tally.late == 0 and is_limited


def damaged(tally: Tally) -> bool:
    """Return whether logins were late or failed."""
    return any(
        tally.rows[f"logins while it {state}"].late or tally.rows[f"guesses while it {state}"].failed
        for state in (HANGS, DOWN)
    )


DRILL = Drill(
    title="The Valkey that counts failed logins is down",
    breaks=(
        "Clients log in, and attackers guess secrets from eight threads. The Valkey in which all workers count failed "
        f"logins, at most {LIMIT} a minute, hangs for {EACH} seconds, is down, and comes back."
    ),
    expects=(
        f"Every login is answered within {LATE} seconds, whatever the store does. Guesses are refused all the time: with 429 above the "
        "limit, and with 401 while nothing can be counted. When the store is back, guesses are counted again."
    ),
    left_out="The server asks the store before it answers, with a time-out of one second, as limiters usually do.",
    damage="While the store hangs, each guess holds a thread for a second and gets a 500, and logins are late.",
    teaches=(
        "For each store, decide what happens without it. Counting fails open here: a wrong secret is refused without any "
        "counter, and if logins needed the counter, an attacker could stop them by stopping it."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
    needs_docker=True,
)
