"""What a forked process must not share with its parent: connections, and locks that a thread may hold."""

import os
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter

# Module-level, since a function that is registered for forks stays registered.
_forkable: WeakSet[Any] = WeakSet()


def tell_after_fork(one: Any) -> None:
    """Call `one.begin_in_child()` in every child that is forked while it exists."""
    _forkable.add(one)


def begin_in_child() -> None:
    """Tell all of them; a child process does this first."""
    for one in list(_forkable):
        one.begin_in_child()


with suppress(AttributeError):  # Windows has no fork
    os.register_at_fork(after_in_child=begin_in_child)


def leave_connections(session: requests.Session) -> None:
    """Give the session new pools: on the same connections, calls of parent and child would mix."""
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            # So does requests when it copies an adapter into another process by pickle.
            adapter.__setstate__(adapter.__getstate__())  # type: ignore[attr-defined]
