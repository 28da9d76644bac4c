"""Parts of deploy/scale that are away for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from live_stack import eventually
from scale_stack import ScaleStack

BACK = {"stop": "start", "pause": "unpause"}


@contextmanager
def without(stack: ScaleStack, part: str, how: str = "stop") -> Iterator[None]:
    """Stop or pause a part during the block; it is healthy again at the end."""
    container = stack.container(part)
    stack.docker(how, container)
    try:
        yield
    finally:
        stack.docker(BACK[how], container)
        eventually(lambda: is_healthy(stack, part) or None, f"{part} is healthy", seconds=60)


def is_healthy(stack: ScaleStack, part: str) -> bool:
    """Return whether Docker finds a part healthy."""
    (state,) = stack.inspected(part)
    return bool(state["State"]["Health"]["Status"] == "healthy")


@contextmanager
def cut_off(stack: ScaleStack, part: str) -> Iterator[None]:
    """Take a part out of its networks during the block, as if its host had vanished: no connection closes."""
    container = stack.container(part)
    (state,) = stack.inspected(part)
    networks = list(state["NetworkSettings"]["Networks"])
    for network in networks:
        stack.docker("network", "disconnect", network, container)
    try:
        yield
    finally:
        for network in networks:
            stack.docker("network", "connect", "--alias", part, network, container)
