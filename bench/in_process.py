"""Call an app in the benchmark's own process, without a socket, and compare the CPU time of two apps.

Not here: which apps are compared (app_alone.py, telemetry.py), requests over a connection (load.py).
"""

import base64
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from live_stack import CHECKOUT, INVOICES, Stack

ROUNDS = 15
CALLS = 400  # in a round
COLUMNS = "{:<46} {:>8} {:>8} {:>8}"
Call = Callable[[], None]
Request = tuple[str, str, dict[str, str], bytes]  # method, path, headers of the environ, body


def call(app: Callable[..., Any], method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Call:
    """Return a function that sends the request to a WSGI app; it raises unless the answer is 200."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **headers,
    }

    def started(status: str, _: list[tuple[str, str]]) -> None:
        if status[:3] != "200":
            raise RuntimeError(f"{path}: {status}")

    def send() -> None:
        answer = app(environ | {"wsgi.input": io.BytesIO(body)}, started)
        b"".join(answer)
        getattr(answer, "close", lambda: None)()

    return send


def es256_token_request(secret: str) -> Request:
    """Return a request for a token that is signed with ES256."""
    credentials = base64.b64encode(f"payroll-report:{secret}".encode()).decode()
    headers = {
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "HTTP_AUTHORIZATION": f"Basic {credentials}",
    }
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "audience": INVOICES})
    return "POST", "/oauth/token", headers, form.encode()


def read(token: str) -> Request:
    """Return a request that reads one timesheet."""
    return "GET", "/timesheets?limit=1", {"HTTP_AUTHORIZATION": f"Bearer {token}"}, b""


def compare(name: str, ours: Call, other: Call) -> None:
    """Print the median time of each, and the median of the rounds' ratios."""
    pairs = [(_microseconds(ours), _microseconds(other)) for _ in range(ROUNDS + 1)][1:]
    ratio = statistics.median(first / second for first, second in pairs)
    of_ours, of_other = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(COLUMNS.format(name, f"{of_ours:.0f}", f"{of_other:.0f}", f"{ratio:.2f}"), file=sys.stderr)


def _microseconds(send: Call) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        send()
    return (time.process_time() - began) / CALLS * 1e6


def measure_both(module: str, ours: str, other: str, *folders: Path) -> None:
    """Start a stack for its keys and data, and measure each app in a process with the app's settings.

    A module of bench measures it, in `token_request` and `remembered_read`; it may import from these folders.
    """
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.environment["EXPLAIN"] = "0"
            stack.make("up")
            print(f"One process, medians of {ROUNDS} rounds of {CALLS} requests, CPU µs", file=sys.stderr)
            print(COLUMNS.format("", ours, other, "ratio"), file=sys.stderr)
            paths = [str(each) for each in (CHECKOUT, CHECKOUT / "tests-e2e", *folders)]
            program = f"import sys; sys.path += {paths!r}; from bench import {module}; {module}."
            secret = stack.secret("payroll-report")
            _run(stack, "auth-server", f"{program}token_request(sys.stdin.read())", secret)
            token = stack.token("payroll-report")
            _run(stack, "protected-api", f"{program}remembered_read(sys.stdin.read())", token)
        finally:
            stack.drop()


def _run(stack: Stack, service: str, program: str, credential: str) -> None:
    command = [sys.executable, "stack/local.py", "exec", service, sys.executable, "-c", program]
    subprocess.run(
        command,
        check=True,
        cwd=stack.folder,
        env=stack.environment,
        input=credential,
        text=True,
        stdout=subprocess.DEVNULL,  # the log, which costs a system call all the same
    )
