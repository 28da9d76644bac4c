"""Measure each app in one process, without a socket, beside the least that Flask can do (`make bench`).

A token request is compared with a bare view that reads the form and returns JSON of the same size; a read
with a remembered token, with the same route without token check and log. The two take turns, and the ratio is
the median of the rounds' ratios.
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
from types import SimpleNamespace
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from live_stack import CHECKOUT, INVOICES, Stack

ROUNDS, CALLS = 15, 400
Call = Callable[[], None]


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


def compare(name: str, ours: Call, bare: Call) -> None:
    """Print the median time of each, and the median of the rounds' ratios."""
    pairs = [(_microseconds(ours), _microseconds(bare)) for _ in range(ROUNDS + 1)][1:]
    ratio = statistics.median(first / second for first, second in pairs)
    of_ours, of_bare = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{name:<46} {of_ours:>8.0f} {of_bare:>8.0f} {ratio:>8.2f}", file=sys.stderr)


def _microseconds(send: Call) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        send()
    return (time.process_time() - began) / CALLS * 1e6


def token_request(secret: str) -> None:
    """Measure a token request, ES256, in the authorization server's environment."""
    from auth_server.wsgi import app  # noqa: PLC0415 it is this process's only service

    bare = Flask("bare")

    @bare.post("/oauth/token")
    def answer() -> ResponseReturnValue:
        scope = request.form["grant_type"]
        return jsonify(access_token="x" * 420, token_type="Bearer", expires_in=3600, scope=scope)  # noqa: S106

    credentials = base64.b64encode(f"payroll-report:{secret}".encode()).decode()
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "audience": INVOICES}).encode()
    headers = {
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "HTTP_AUTHORIZATION": f"Basic {credentials}",
    }
    sends = [call(each, "POST", "/oauth/token", headers, form) for each in (app, bare)]
    compare("POST /oauth/token, ES256", *sends)


def remembered_read(token: str) -> None:
    """Measure a read with a remembered token, in the API's environment."""
    from protected_api.app import create_app  # noqa: PLC0415
    from protected_api.resource_server.access_token import AccessToken  # noqa: PLC0415
    from protected_api.wsgi import app, settings  # noqa: PLC0415 it is this process's only service

    app.extensions["keys"].refresh()
    unguarded = create_app(settings)
    nobody = AccessToken("", claims={"client_id": "anybody"})
    unguarded.extensions["authorization"] = SimpleNamespace(authorize=lambda *_, **__: nobody)
    del unguarded.wsgi_app  # the log around it
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    sends = [call(each, "GET", "/timesheets?limit=1", headers) for each in (app, unguarded)]
    compare("GET /timesheets?limit=1, token remembered", *sends)


def main() -> None:
    """Start a stack for its keys and data, and measure each app in a process with the app's settings."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.environment["EXPLAIN"] = "0"
            stack.make("up")
            print(f"One process, medians of {ROUNDS} rounds of {CALLS} requests, CPU µs", file=sys.stderr)
            print(f"{'':<46} {'ours':>8} {'bare':>8} {'ratio':>8}", file=sys.stderr)
            for service, measure, credential in (
                ("auth-server", "token_request", stack.secret("payroll-report")),
                ("protected-api", "remembered_read", stack.token("payroll-report")),
            ):
                program = f"import sys; sys.path += {[str(CHECKOUT), str(CHECKOUT / 'tests-e2e')]!r}"
                program += f"; from bench import app_alone; app_alone.{measure}(sys.stdin.read())"
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
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
