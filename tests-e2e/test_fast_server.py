"""The three services under granian: as safe as under gunicorn (deploy/fast/serve.py sees to it)."""

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
from live_stack import NO_ANSWER, POSTS, SERVICES, Stack, eventually

pytestmark = pytest.mark.long
FORM = "grant_type=client_credentials"


def test_serves_the_stack_and_runs_its_import(fast_stack: Stack) -> None:
    assert re.search(r"234 rows +234 booked", fast_stack.first_output)
    for url in fast_stack.url.values():
        assert requests.get(f"{url}/readyz", timeout=10).headers["Server"] == "granian"


@contextmanager
def slow_senders(stack: Stack, service: str, count: int) -> Iterator[list[socket.socket]]:
    """Open connections on which FORM has begun, as a body, and does not end."""
    path, content_type = POSTS[service]
    token = stack.token("timesheets-import-job")
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(FORM)}", "", FORM[:9]]
    with ExitStack() as connections:
        senders = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", stack.ports[service]), timeout=10)
            senders.append(connections.enter_context(connection))
            connection.sendall("\r\n".join(lines).encode())
        time.sleep(0.3)  # until the workers read them; a shorter wait would only make the tests easier
        yield senders


@pytest.mark.parametrize(
    ("service", "count"), [("auth-server", 7), ("protected-api", 7), ("calling-service", 15)]
)
def test_serves_others_while_bodies_do_not_end(fast_stack: Stack, service: str, count: int) -> None:
    """Even if one worker gets all of these senders, a thread of it is left."""
    with slow_senders(fast_stack, service, count):
        for _ in range(20):
            assert requests.get(f"{fast_stack.url[service]}/healthz", timeout=5).ok


@pytest.mark.parametrize("service", SERVICES)
def test_every_line_of_the_log_is_json(fast_stack: Stack, service: str) -> None:
    lines = [json.loads(line) for line in fast_stack.logs(service).splitlines()]
    assert {line["service"] for line in lines} == {service}
    assert "_granian" in {line["logger"] for line in lines}


def test_a_body_in_chunks_needs_a_length(fast_stack: Stack) -> None:
    """Granian gives an app a broken body as a shorter one, which in chunks nobody could tell."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{fast_stack.url['auth-server']}/oauth/token"
    issued = requests.post(url, data=iter([FORM.encode()]), headers=headers, timeout=10)
    assert (issued.status_code, issued.json()["error"]) == (411, "invalid_request")
    token = fast_stack.token("timesheets-import-job")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"{fast_stack.url['protected-api']}/timesheets/upload"
    uploaded = requests.post(url, data=iter([b"{}"]), headers=headers, timeout=10)
    assert (uploaded.status_code, uploaded.json()["title"]) == (411, "Length Required")


def test_a_body_that_is_too_large_gets_the_services_own_answer(fast_stack: Stack) -> None:
    form = FORM + "&scope=" + "a" * 65536
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(
        f"{fast_stack.url['auth-server']}/oauth/token", data=form, headers=headers, timeout=10
    )
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("head", ["GET /" + "a" * 40000, "GET / HTTP/1.1\r\nX-Large: " + "a" * 40000])
def test_a_large_head_is_refused(fast_stack: Stack, service: str, head: str) -> None:
    with socket.create_connection(("127.0.0.1", fast_stack.ports[service]), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).split()[1] in (b"414", b"431")


def test_speaks_neither_http_2_nor_websockets(fast_stack: Stack) -> None:
    with socket.create_connection(("127.0.0.1", fast_stack.ports["auth-server"]), timeout=10) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        assert not connection.recv(100).startswith(b"\0")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = requests.get(f"{fast_stack.url['auth-server']}/healthz", headers=upgrade, timeout=10)
    assert answer.status_code == 400


def test_trusts_no_proxy_unless_the_proxy_drops_names_with_underscores(
    new_stack: Callable[[], Stack],
) -> None:
    """Granian has no difference between X_Forwarded_For, which a caller sends, and X-Forwarded-For."""
    stack = new_stack()
    stack.environment["SERVER"] = "granian"
    trust = 'TRUSTED_PROXIES: "127.0.0.0/8"\n      TENANT_FILE:'
    stack.edit("docker-compose.yml", "TENANT_FILE:", trust)
    refused = stack.run("make", "up")
    assert refused.returncode != 0
    assert "X_Forwarded_For" in refused.stderr, refused.stderr
    stack.edit("docker-compose.yml", "TENANT_FILE:", 'PROXY_DROPS_UNDERSCORES: "1"\n      TENANT_FILE:')
    stack.make("up")
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    url = f"{stack.url['auth-server']}/oauth/token"
    requests.post(url, data={"grant_type": "x"}, headers=forwarded, auth=("nobody", "x" * 43), timeout=10)
    if stack.environment["RUNTIME"] == "local":  # in Docker the request comes from the bridge's address
        assert "203.0.113.7" in stack.logs("auth-server")


def test_a_stop_finishes_the_requests_that_have_begun(fast_stack: Stack) -> None:
    def answers() -> bool:
        try:
            return requests.get(f"{fast_stack.url['auth-server']}/healthz", timeout=5).ok
        except NO_ANSWER:
            return False

    with slow_senders(fast_stack, "auth-server", 4) as senders:
        stopping = threading.Thread(target=fast_stack.stop, args=("auth-server",))
        stopping.start()
        eventually(lambda: None if answers() else True, "the server takes no new request")
        for sender in senders:
            sender.sendall(FORM[9:].encode())
            assert sender.recv(100).split()[1] == b"401"
        stopping.join()
    fast_stack.start("auth-server")


def test_a_worker_that_dies_is_replaced(fast_stack: Stack) -> None:
    if fast_stack.environment["RUNTIME"] != "local":
        pytest.skip("a container's processes are not ours to kill")
    master = fast_stack.master("protected-api")

    def workers() -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    first, second = workers()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(set(workers()) - {first, second}) == 1 or None, "another worker runs")
    eventually(lambda: fast_stack.api("GET", "/readyz").ok or None, "the API is ready")
