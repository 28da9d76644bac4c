"""A worker that is told to stop accepts what waits and closes its sockets; one that only pauses does not."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from auth_server.graceful_stop import close_sockets_when_told_to_stop


class Worker:
    """What gunicorn's gthread worker has to do with its sockets."""

    def __init__(self, *sockets: socket.socket) -> None:
        self.cfg = SimpleNamespace(reuse_port=True)
        self.alive = True
        self.nr_conns = 5
        self.sockets = list(sockets)
        self.switched: list[bool] = []
        self.accepted: list[socket.socket] = []

    def set_accept_enabled(self, enabled: bool) -> None:
        """Fail for a socket that is closed, as a poller does."""
        assert not any(listener.fileno() == -1 for listener in self.sockets)
        self.switched.append(enabled)

    def accept(self, listener: socket.socket) -> None:
        """Accept one connection, if one waits."""
        with suppress(BlockingIOError):
            self.accepted.append(listener.accept()[0])
            self.nr_conns += 1


class World:
    """Two sockets of a worker, and clients that connect to them."""

    def __init__(self) -> None:
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        for listener in self.listeners:
            listener.setblocking(False)
        self.clients: list[socket.socket] = []
        self.worker: Any = Worker(*self.listeners)
        close_sockets_when_told_to_stop(self.worker)

    def connect(self, listener: socket.socket, timeout: float = 10) -> None:
        """Connect a client; TimeoutError if the kernel does not answer its first segment; in seconds."""
        self.clients.append(socket.create_connection(listener.getsockname(), timeout))


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    for each in [*made.listeners, *made.clients, *made.worker.accepted]:
        each.close()


def stop(worker: Any) -> None:
    worker.alive = False
    worker.set_accept_enabled(False)


def test_keeps_its_sockets_while_it_only_pauses(world: World) -> None:
    world.connect(world.listeners[0])
    world.worker.set_accept_enabled(True)
    world.worker.set_accept_enabled(False)
    world.connect(world.listeners[0])
    assert (world.worker.switched, world.worker.accepted) == ([True, False], [])


def test_accepts_what_waits_at_each_socket_and_closes_it(world: World) -> None:
    for listener in (world.listeners[0], world.listeners[1], world.listeners[1]):
        world.connect(listener)
    stop(world.worker)
    assert (world.worker.nr_conns, world.worker.sockets) == (8, [])
    assert [listener.fileno() for listener in world.listeners] == [-1, -1]


def test_drops_new_connections_before_it_closes_its_sockets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.connect(world.listeners[0])

    def try_to_connect(_seconds: float) -> None:
        for listener in world.listeners:
            with pytest.raises(TimeoutError):
                world.connect(listener, timeout=0.2)

    monkeypatch.setattr("auth_server.graceful_stop.time.sleep", try_to_connect)
    stop(world.worker)
    assert world.worker.nr_conns == 6
    world.clients[0].sendall(b"hello")  # a connection that was made before stays as it was
    world.worker.accepted[0].settimeout(10)
    assert world.worker.accepted[0].recv(5) == b"hello"


def test_accepts_connections_that_were_being_made_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth_server.graceful_stop._drop_new_connections", lambda _listener: None)
    monkeypatch.setattr(
        "auth_server.graceful_stop.time.sleep", lambda _seconds: world.connect(world.listeners[1])
    )
    stop(world.worker)
    assert world.worker.nr_conns == 6


@pytest.mark.parametrize(("name", "value"), [("sys.platform", "darwin"), ("SO_ATTACH_FILTER", -1)])
def test_stops_without_a_packet_filter_where_there_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(f"auth_server.graceful_stop.{name}", value)
    monkeypatch.setattr(
        "auth_server.graceful_stop.time.sleep", lambda _seconds: world.connect(world.listeners[0])
    )
    stop(world.worker)
    assert world.worker.nr_conns == 6


def test_a_socket_that_it_shares_with_other_processes_goes_on_to_accept(world: World) -> None:
    with world.listeners[0].dup() as of_another_process:
        world.worker.cfg.reuse_port = False
        world.connect(of_another_process)
        stop(world.worker)
        world.connect(of_another_process)
    assert world.worker.nr_conns == 6
