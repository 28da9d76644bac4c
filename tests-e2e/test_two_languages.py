"""The snippets on docs/two-languages.md do the same in both languages, on the running stack."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests
from live_stack import CHECKOUT, INVOICES, Stack, eventually, free_ports
from two_languages.page import SNIPPETS, SUFFIXES, snippet

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.environ.get("RUNTIME") != "local", reason="is the same with containers"),
]
READ = "read:timesheets"
TO_COPY = ("calling-service/calling_service", "protected-api/protected_api")
LANGUAGES = pytest.mark.parametrize("suffix", SUFFIXES.values(), ids=SUFFIXES)

Command = Callable[[int, str], list[str]]


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return the function that names the program of a snippet; install what Node's need."""
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("npm is not installed (with CI set, this is a failure)")
    folder = tmp_path_factory.mktemp("two") / "languages"
    shutil.copytree(SNIPPETS.parent, folder)
    subprocess.run(["npm", "ci", "--loglevel=error"], cwd=folder, check=True, timeout=120)

    def program(number: int, suffix: str) -> list[str]:
        file = str(folder / "snippets" / snippet(number, suffix).name)
        return [sys.executable, file] if suffix == ".py" else ["node", file]

    return program


@pytest.fixture(scope="module")
def environment(stack: Stack) -> dict[str, str]:
    """Return the settings of the snippets, with a token that is good for reading."""

    def secret(client_id: str) -> str:
        (path,) = stack.folder.glob(f".secrets/*-*/{client_id}")
        return str(path)

    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": ":".join(str(CHECKOUT / folder) for folder in TO_COPY),
        "ISSUER": stack.issuer,
        "API_URL": stack.timesheets_api,
        "AUDIENCE": stack.timesheets_api,
        "CLIENT_ID": "payroll-report",
        "SECRET_FILE": secret("payroll-report"),
        "KEY_CLIENT_ID": "approvals-bot",
        "KEY_FILE": secret("approvals-bot.pem"),
        "API_CLIENT_ID": "timesheets-api",
        "API_SECRET_FILE": secret("timesheets-api"),
        "TOKEN": stack.token("payroll-report", scope=READ),
    }


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run a snippet, and return what it prints."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PRINTS = {
    1: f"Bearer {READ}",
    2: "1 token for 100 calls",
    3: "200",
    4: "payroll-report",
    7: "403 insufficient_scope delete:timesheets",
    8: "approve:timesheets",
    9: "active",
    10: "{issuer}/oauth/token",
}


@LANGUAGES
@pytest.mark.parametrize("number", PRINTS)
def test_a_snippet_prints_the_same_in_both_languages(
    command: Command, environment: dict[str, str], number: int, suffix: str
) -> None:
    expected = PRINTS[number].format(issuer=environment["ISSUER"])
    assert run(command(number, suffix), environment) == expected


@LANGUAGES
@pytest.mark.parametrize("wrong", ["audience", "signature"])
def test_verifying_refuses_a_token_that_is_not_for_this_api(
    command: Command, environment: dict[str, str], stack: Stack, wrong: str, suffix: str
) -> None:
    head, claims, signature = environment["TOKEN"].split(".")
    tokens = {
        "audience": stack.token("payroll-report", audience=INVOICES),
        "signature": ".".join([head, claims, signature[::-1]]),
    }
    with pytest.raises(AssertionError):
        run(command(4, suffix), environment | {"TOKEN": tokens[wrong]})


@LANGUAGES
def test_a_token_that_was_revoked_is_not_active(
    command: Command, environment: dict[str, str], stack: Stack, suffix: str
) -> None:
    token = stack.token("payroll-report", scope=READ)
    secret = stack.secret("payroll-report")
    form = {"token": token}
    requests.post(f"{stack.issuer}/oauth/revoke", form, auth=("payroll-report", secret), timeout=10)
    assert run(command(9, suffix), environment | {"TOKEN": token}) == "not active"


@LANGUAGES
def test_a_route_serves_its_scope_alone(
    command: Command, environment: dict[str, str], stack: Stack, suffix: str
) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/reports"

    def status(token: str | None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.get(url, headers=headers, timeout=10)
        (error, *_) = re.findall('error="([^"]*)"', answer.headers.get("WWW-Authenticate", "")) or [""]
        return answer.status_code, error

    def answers() -> bool | None:
        try:
            return status(None)[0] == 401
        except requests.ConnectionError:
            return None

    log = subprocess.DEVNULL
    with subprocess.Popen(
        command(5, suffix), env=environment | {"PORT": str(port)}, stdout=log, stderr=log
    ) as api:
        try:
            eventually(answers, "the snippet serves")
            assert status(environment["TOKEN"]) == (200, "")
            assert status(stack.token("timesheets-import-job", scope="batch:upload")) == (
                403,
                "insufficient_scope",
            )
            assert status(stack.token("payroll-report", audience=INVOICES)) == (401, "invalid_token")
        finally:
            api.terminate()


@contextmanager
def refusing_the_first_token(api: str) -> Iterator[tuple[str, list[str]]]:
    """Serve the API's answers, but refuse the first token; yield the address and what is presented there."""
    presented: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            presented.append(self.headers["Authorization"])
            status = 401 if presented[-1] == presented[0] else self._passed_on()
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Bearer realm="x", error="invalid_token"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _passed_on(self) -> int:
            headers = {"Authorization": presented[-1]}
            return requests.get(api + self.path, headers=headers, timeout=10).status_code

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", presented
        server.shutdown()
        thread.join()


@LANGUAGES
def test_a_refused_token_is_replaced_once(command: Command, environment: dict[str, str], suffix: str) -> None:
    with refusing_the_first_token(environment["AUDIENCE"]) as (url, presented):
        assert run(command(6, suffix), environment | {"API_URL": url}) == "200"
    assert len(presented) == len(set(presented)) == 2
