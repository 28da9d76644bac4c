"""What the clients share: call again and again until SIGTERM, then print how many calls failed, and why."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

CLIENT_ID = "payroll-report"
TOKEN_URL = "https://login.exampleco.example/oauth/token"
API = "https://timesheets.exampleco.example"
SCOPE = "read:timesheets"
PAUSE = 0.1  # seconds between two calls


def secret() -> str:
    return Path("/run/secrets/payroll-report").read_text()


def repeat(call: Callable[[], None]) -> None:
    """Make calls until SIGTERM; `call` gets a token and a page, and raises if one of the two fails."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    calls = 0
    failures = []
    while not stopped and calls < int(os.environ.get("MOST_CALLS", "20000")):
        calls += 1
        try:
            call()
        except Exception as error:  # noqa: BLE001  whatever it is, it is counted and shown
            failures.append(f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}")
        time.sleep(PAUSE)
    sys.stdout.write(json.dumps({"calls": calls, "failures": failures}) + "\n")
