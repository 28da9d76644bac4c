"""A process with a token source forks while its threads are at work: real forks, in a process of its own."""

import gc
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import requests
from calling_service.oauth_client.fork import begin_in_child
from calling_service.oauth_client.token_source import TokenSource

PACKAGE = Path(__file__).parents[2]
BEGIN = """
import os, sys, threading
from pathlib import Path
from calling_service.oauth_client.token_source import TokenSource

url, secret_file = sys.argv[1:]
source = TokenSource(issuer="i", client_id="c", secret_file=Path(secret_file), token_url=url)

def in_child(work):
    child = os.fork()
    if child == 0:
        threading.Timer(10, os._exit, [9]).start()
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
LOCK_IS_HELD = """
held, done = threading.Event(), threading.Event()

def hold():
    with source._lock:
        held.set()
        done.wait(10)

threading.Thread(target=hold).start()
held.wait(10)
status = in_child(lambda: 0 if source.get("https://api.example", ["a"]).value else 1)
done.set()
sys.exit(status)
"""
CALL_IS_PENDING = """
calling = threading.Thread(target=source.get, args=("https://api.example", ["a"]))
calling.start()
while not source._pending:
    pass
sys.stdout.write("waiting\\n")
sys.stdout.flush()
status = in_child(lambda: 0 if source.get("https://api.example", ["a"]).value else 1)
calling.join()
sys.exit(status)
"""
TOKEN_IS_CACHED = """
token = source.get("https://api.example", ["a"])
sys.exit(in_child(lambda: 0 if source.get("https://api.example", ["a"]) is token else 1))
"""
CALL_IMPORTS = """
imported = set(sys.modules)
source.get("https://api.example", ["a"])
sys.exit(" ".join(sys.modules.keys() - imported) or 0)
"""
CONNECTION_IS_OPEN = """
source.get("https://api.example", ["a"])
for _ in range(2):
    source.drop(source.get("https://api.example", ["a"]))
    if in_child(lambda: 0 if source.get("https://api.example", ["b"]).value else 1):
        sys.exit(1)
"""


def run(program: str, url: str, secret_file: Path) -> subprocess.Popen[str]:
    # Python 3.12 and later warn of a fork in a process with threads, which is what is tried here.
    command = [sys.executable, "-W", "ignore", "-c", BEGIN + program, url, str(secret_file)]
    return subprocess.Popen(  # noqa: S603  # our own program
        command, cwd=PACKAGE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def test_a_child_does_not_wait_for_a_lock_that_a_thread_of_its_parent_holds(
    endpoint: Any, secret_file: Path
) -> None:
    assert finish(run(LOCK_IS_HELD, endpoint.url, secret_file)) == (0, "")
    assert endpoint.calls == 1


def test_a_call_imports_nothing_because_a_child_would_wait_for_an_import_that_a_thread_began(
    endpoint: Any, secret_file: Path
) -> None:
    assert finish(run(CALL_IMPORTS, endpoint.url, secret_file)) == (0, "")


def test_a_child_does_not_wait_for_a_call_that_a_thread_of_its_parent_makes(
    endpoint: Any, secret_file: Path
) -> None:
    endpoint.hold = threading.Event()
    process = run(CALL_IS_PENDING, endpoint.url, secret_file)
    assert process.stdout
    assert process.stdout.readline() == "waiting\n"
    deadline = time.monotonic() + 10
    while endpoint.calls < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert endpoint.calls == 2, "the parent's and the child's"
    endpoint.hold.set()
    assert finish(process)[0] == 0


def test_a_child_uses_the_token_that_its_parent_has(endpoint: Any, secret_file: Path) -> None:
    assert finish(run(TOKEN_IS_CACHED, endpoint.url, secret_file)) == (0, "")
    assert endpoint.calls == 1


def test_a_child_has_connections_of_its_own(secret_file: Path) -> None:
    ports: dict[str, set[int]] = {"a": set(), "b": set()}

    class KeepAlive(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            ports[form["scope"][0]].add(self.client_address[1])
            body = b'{"access_token": "t", "token_type": "Bearer", "expires_in": 60}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), KeepAlive) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        finished = finish(run(CONNECTION_IS_OPEN, url, secret_file))
        server.shutdown()
    assert finished == (0, "")
    assert (len(ports["a"]), len(ports["b"])) == (2, 2), "one connection for each call"
    assert not ports["a"] & ports["b"]


def test_what_a_child_does_first_lets_it_get_tokens(endpoint: Any, secret_file: Path) -> None:
    with requests.Session() as session:
        source = TokenSource(
            issuer="i", client_id="c", secret_file=secret_file, token_url=endpoint.url, session=session
        )
        kept = source.get("https://api.example", ["a"])
        source._lock.acquire()
        source._pending["https://api.example", frozenset("b")] = Future()
        begin_in_child()
        assert source.get("https://api.example", ["a"]) is kept
        assert source.get("https://api.example", ["b"]).value


def test_a_source_that_is_no_longer_used_is_not_kept_for_forks(endpoint: Any, secret_file: Path) -> None:
    source = TokenSource(issuer="i", client_id="c", secret_file=secret_file, token_url=endpoint.url)
    reference = weakref.ref(source)
    source.session.close()
    del source
    gc.collect()
    assert reference() is None
