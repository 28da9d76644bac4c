"""Where the time of a read of the Timesheets API goes: stage by stage, and the whole over a connection.

The stages are the API's own functions, called in this process; the rest of the time is HTTP and Flask.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from flask import Flask, request
from live_stack import Stack, free_ports
from protected_api.endpoints.json_requests import json_response
from protected_api.logs import write_line
from protected_api.resource_server.access_token import CHECKS, AccessToken, Policy, verify
from protected_api.resource_server.authorization import presented_token
from protected_api.resource_server.issuer_documents import fetch_key_set
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.json_over_http import call
from protected_api.resource_server.remembered_tokens import RememberedTokens
from protected_api.sqlite.database import SqliteDatabase
from protected_api.timesheets.models import Query
from protected_api.timesheets.store import TimesheetStore

from bench import load

SAMPLES = 200  # requests of a round
CALLS = 500  # of a stage, in a round
ROUNDS = 7
Times = dict[str, float]  # seconds by stage


@contextmanager
def unguarded(stack: Stack) -> Iterator[tuple[int, int]]:
    """Run the API without its token check, with the same options otherwise; yield its port and process id."""
    (port,) = free_ports(1)
    serve = (
        "gunicorn",
        "bench.unguarded:app",
        "--pythonpath",
        str(stack.folder),
        "--bind",
        f"127.0.0.1:{port}",
    )
    command = [sys.executable, "stack/local.py", "exec", "protected-api", *serve]
    with (
        (stack.state / "unguarded.log").open("w") as log,
        subprocess.Popen(command, cwd=stack.folder, env=stack.environment, stdout=log, stderr=log) as master,
    ):
        try:
            stack.wait_until_answers(f"http://127.0.0.1:{port}/timesheets")
            yield port, master.pid
        finally:
            master.terminate()


def read(token: str) -> bytes:
    """Return a request that reads one timesheet with an access token."""
    return load.http("GET", "/timesheets?limit=1", {"Authorization": f"Bearer {token}"})


def measure(stack: Stack, unguarded_port: int) -> None:
    """Print where the time goes: without a token check, with a remembered token, and with a new token."""
    compact = stack.token("payroll-report")
    port = stack.ports["protected-api"]
    always, remembered, new = _stages(stack, compact)
    stages = {"no check": always, "remembered": always | remembered, "new": always | new}
    wholes = _wholes(
        {
            "no check": (unguarded_port, lambda: compact),
            "remembered": (port, lambda: compact),
            "new": (port, lambda: stack.token("payroll-report")),
        }
    )
    print(f"\nWhere a read's time goes, one request after another, medians of {ROUNDS * SAMPLES}, µs")
    _print_row("", stages)
    for stage in always | remembered | new:
        _print_row(stage, (_microseconds(times.get(stage)) for times in stages.values()))
    rest = (wholes[name] - sum(times.values()) for name, times in stages.items())
    _print_row("the rest: HTTP, Flask", map(_microseconds, rest))
    _print_row("the whole", map(_microseconds, wholes.values()))


def _print_row(name: str, cells: Iterable[str]) -> None:
    print(f"{name:<46}" + "".join(f"{cell:>12}" for cell in cells))


def _microseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:.1f}"


def _stages(stack: Stack, compact: str) -> tuple[Times, Times, Times]:
    """Return the seconds of what every read does, and of the check of a remembered and of a new token."""
    jwks_uri = f"{stack.url['auth-server']}/.well-known/jwks.json"
    keys = IssuerKeys(partial(fetch_key_set, stack.issuer, jwks_uri, call))
    keys.refresh()
    policy = Policy(stack.issuer, stack.timesheets_api, keys.find)
    token = verify(AccessToken(compact), policy)
    tokens = RememberedTokens(policy)
    store = TimesheetStore(SqliteDatabase(str(stack.state / "protected-api/timesheets.db")))
    query = Query.model_validate({"limit": "1"})
    page, _ = store.page(query)
    line = {"method": "GET", "path": "/timesheets", "status": 200, "duration_ms": 1.234}
    headers = {"Authorization": f"Bearer {compact}"}
    with Flask(__name__).test_request_context(headers=headers), _unseen():
        presenting = {"presenting": _seconds(lambda: presented_token(request))}
        checks = {check.__name__: _seconds(partial(check, token, policy)) for check in CHECKS}
        always = {
            "the query": _seconds(lambda: Query.model_validate({"limit": "1"})),
            "SQLite": _seconds(lambda: store.page(query)),
            "JSON": _seconds(lambda: json_response({"timesheets": page, "next_cursor": "1"})),
            "the log line": _seconds(lambda: write_line(time.time(), "INFO", "logs", "request", line)),
        }
        remembered = {"the remembered: digest, key, times": _seconds(lambda: tokens.verify(compact))}
    new = {"decoding": checks.pop("well_formed"), "the signature": checks.pop("signature")}
    new["the other checks"] = sum(checks.values())
    return always, presenting | remembered, presenting | new


def _seconds(stage: Callable[[], object]) -> float:
    return min(timeit.repeat(stage, number=CALLS, repeat=ROUNDS)) / CALLS


def _wholes(targets: dict[str, tuple[int, Callable[[], str]]]) -> dict[str, float]:
    """Read from each port in turn, with its tokens, and return the median seconds."""
    times: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(ROUNDS):
        for name, (port, token) in targets.items():
            requests = [read(token()) for _ in range(SAMPLES)]
            times[name] += load.run(port, iter(requests), count=SAMPLES, connections=1).latencies
    return {name: statistics.median(values) for name, values in times.items()}


@contextmanager
def _unseen() -> Iterator[None]:
    """Write log lines to a file, as the service does."""
    sys.stdout.flush()
    kept = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
