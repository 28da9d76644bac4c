"""A call ends by its deadline, even if the server never answers or never stops."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from protected_api.resource_server.issuer_documents import fetch_key_set
from protected_api.resource_server.json_over_http import HEADERS, MAX_ANSWER, call
from werkzeug.wrappers import Request, Response

BEGINNINGS = {
    "a header": b"HTTP/1.1 200 OK\r\nX: ",
    # Here http.client takes the socket away from the connection, before the body is read.
    "the body of an answer that ends with the connection": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
}


@pytest.fixture(params=["silent", *BEGINNINGS])
def slow_issuer(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the address of a server that answers nothing, or sends this byte by byte for a minute."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(BEGINNINGS[request.param])
                for _ in range(6000):
                    over.wait(0.01)
                    connection.sendall(b"y")

        if request.param in BEGINNINGS:
            threading.Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()


def test_ends_a_call_at_its_deadline_whatever_the_server_does(slow_issuer: str) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="no whole answer in 3 s"):
        call("GET", slow_issuer, began + 0.2)
    assert time.monotonic() < began + 10


def test_raises_an_oserror_that_names_the_address_when_the_server_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OSError, match=f"http://127.0.0.1:{port}/jwks: .*refused"):
        fetch_key_set("http://unused.example", f"http://127.0.0.1:{port}/jwks", call)


def test_reads_an_answer_of_the_longest_length_and_sends_its_headers(issuer: Any) -> None:
    sent: list[dict[str, str]] = []

    def longest(request: Request) -> Response:
        sent.append({name: request.headers[name] for name in HEADERS})
        return Response(b"1" + b" " * (MAX_ANSWER - 1))

    issuer.key_set = longest
    assert call("GET", f"{issuer.jwks_uri}#fragment", time.monotonic() + 20) == 1
    assert sent == [HEADERS]


def test_reads_no_more_of_an_answer_than_it_may_be_long(issuer: Any) -> None:
    issuer.key_set = lambda _: Response(itertools.repeat(b" " * 65536))  # without an end
    with pytest.raises(ValueError, match=f"^more than {MAX_ANSWER} bytes$"):
        call("GET", issuer.jwks_uri, time.monotonic() + 20)


@pytest.mark.parametrize(("address", "target"), [("", "/"), ("/jwks", "/jwks"), ("/a?b=c#d", "/a?b=c")])
def test_asks_for_the_path_and_the_query_of_the_address(address: str, target: str) -> None:
    lines: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                lines.append(connection.makefile("rb").readline())
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1")

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{address}"
        assert call("GET", url, time.monotonic() + 20) == 1
    assert lines == [f"GET {target} HTTP/1.1\r\n".encode()]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_ends_a_call_to_a_port_that_drops_packets(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]  # more than are let in: the kernel drops a SYN then
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="no whole answer in 3 s"):
            call("GET", f"{scheme}://127.0.0.1:{port}/", began + 0.2)
        assert time.monotonic() < began + 10  # the kernel alone tries for two minutes
        for connection in waiting:
            connection.close()
