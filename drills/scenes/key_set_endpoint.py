"""The endpoint of the key set is slow, then broken, then poisoned."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self

import requests
from live_stack import Stack, eventually

from drills.callers import Callers, answered
from drills.clients import READER, READS, reading, with_folder
from drills.drill import Drill
from drills.stage import Stage
from drills.tally import Tally

SOFT = 1  # seconds for which the API keeps a key set
EACH = 5  # seconds: longer than the 3 s that a fetch may take
JWKS_URI = "JWKS_URI: http://auth-server:9000/.well-known/jwks.json"
MOODS = {"slow": "never answers", "broken": "answers 500", "poisoned": "adds keys that are none"}
BESIDE = [
    None,
    "key",
    {"kty": "oct", "k": "AAAA", "kid": "shared"},
    {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "short"},
]


class KeySetEndpoint:
    """Serves the issuer's key set, in a mood."""

    def __init__(self, stack: Stack) -> None:
        self.mood = ""
        self.fetches = 0
        self._upstream = f"{stack.url['auth-server']}/.well-known/jwks.json"
        self._ends = Event()

    def __enter__(self) -> Self:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer as the mood says."""
                endpoint.answer(self)

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks.json"
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a fetch."""
        self.fetches += 1
        if self.mood == "slow":
            self._ends.wait(EACH)
            return
        key_set = requests.get(self._upstream, timeout=5).json()
        if self.mood == "poisoned":
            key_set["keys"] = [*BESIDE, *key_set["keys"]]
        body = json.dumps(key_set).encode()
        status = 500 if self.mood == "broken" else 200
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def play(stage: Stage) -> None:
    """Let the API fetch from an endpoint whose mood changes."""
    stack = stage.stack
    hard = SOFT if stage.wrong else 86400
    stage.set("DATABASE_FILE:", JWKS_TTL=SOFT, JWKS_COOLDOWN=SOFT, JWKS_HARD_TTL=hard)
    with KeySetEndpoint(stack) as endpoint:
        stack.edit("docker-compose.yml", JWKS_URI, f"JWKS_URI: {endpoint.url}")
        stage.start()
        reads = reading(stack, with_folder(stack, READER, READS))
        callers = Callers(reads, stage.tally.row("reads while it is well"))
        with callers.calling():
            eventually(answered(callers.row, 50), "calls are answered")
            for mood, what in MOODS.items():
                callers.count_in(stage.tally.row(f"reads while it {what}"))
                fetches = count_fetches(endpoint, mood)
                stage.tally.notes.append(f"{mood}: {fetches} fetches in {EACH} s, by two workers")


def count_fetches(endpoint: KeySetEndpoint, mood: str) -> int:
    """Put the endpoint into a mood, and return how often the API fetches from it meanwhile."""
    endpoint.mood = mood
    before = endpoint.fetches
    time.sleep(EACH)
    return endpoint.fetches - before


def holds(tally: Tally) -> bool:
    """Return whether no call failed or was late."""
    return tally.all_called() and tally.failed == tally.late == 0


def damaged(tally: Tally) -> bool:
    """Return whether calls failed while the endpoint was slow or broken."""
    return tally.failed > 0


DRILL = Drill(
    title="The endpoint of the key set is slow, broken, poisoned",
    breaks=(
        f"The API fetches the key set each second. For {EACH} seconds each, the endpoint never answers, answers 500, and "
        "adds members that are not usable keys: a null, a text, a shared secret, an RSA key of 17 bits."
    ),
    expects=(
        "No call fails and none is late. The API fetches in the background, keeps the set that it has for up to a day "
        "(`JWKS_HARD_TTL`), and skips what is not a key."
    ),
    left_out=f"The API trusts a key set only until it is time to fetch it again: `JWKS_HARD_TTL={SOFT}`, as `JWKS_TTL`.",
    damage="As soon as one fetch fails, the API trusts no key, and a call with a good token waits or gets 503.",
    teaches=(
        "When to fetch the keys again and when to stop trusting them are two different times. Make the first short, so "
        "that a revoked key is soon refused, and the second long, so that calls go on while the authorization server is "
        "down."
    ),
    play=play,
    holds=holds,
    damaged=damaged,
)
