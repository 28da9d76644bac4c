"""Tell objects with locks that a child process begins, where no thread is left that would release them."""

import os
from contextlib import suppress
from typing import Any
from weakref import WeakSet

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
