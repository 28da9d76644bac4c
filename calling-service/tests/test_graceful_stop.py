"""A worker that is told to stop accepts what waits and closes its sockets; one that only pauses does not."""

from typing import Any

from calling_service.graceful_stop import close_sockets_when_told_to_stop


class Listener:
    """A socket at which connections wait."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.is_closed = False

    def close(self) -> None:
        """Close it."""
        self.is_closed = True


class Worker:
    """What gunicorn's gthread worker has to do with its sockets."""

    def __init__(self, *sockets: Listener) -> None:
        self.alive = True
        self.nr_conns = 5
        self.sockets = list(sockets)
        self.switched: list[bool] = []

    def set_accept_enabled(self, enabled: bool) -> None:
        """Fail for a socket that is closed, as a poller does."""
        assert not any(socket.is_closed for socket in self.sockets)
        self.switched.append(enabled)

    def accept(self, listener: Listener) -> None:
        """Accept one connection, if one waits."""
        if listener.waiting:
            listener.waiting -= 1
            self.nr_conns += 1


def changed(*sockets: Listener) -> Any:
    worker = Worker(*sockets)
    close_sockets_when_told_to_stop(worker)
    return worker


def test_keeps_its_sockets_while_it_only_pauses() -> None:
    listener = Listener(waiting=3)
    worker = changed(listener)
    worker.set_accept_enabled(True)
    worker.set_accept_enabled(False)
    assert (worker.switched, listener.waiting, listener.is_closed) == ([True, False], 3, False)


def test_accepts_what_waits_at_each_socket_and_closes_it() -> None:
    listeners = [Listener(waiting=3), Listener(waiting=0)]
    worker = changed(*listeners)
    worker.alive = False
    for enabled in (True, False, False):  # gunicorn may switch again
        worker.set_accept_enabled(enabled)
    assert worker.nr_conns == 8
    assert [(each.waiting, each.is_closed) for each in listeners] == [(0, True)] * 2
    assert worker.sockets == []
