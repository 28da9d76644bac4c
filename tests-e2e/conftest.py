"""The stack that the end-to-end tests share: one, started by `make up`, in the runtime that RUNTIME names."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_stack import Stack


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stack]]:
    """Return a function that makes a copy of the checkout, not started; all are dropped at the end."""
    stacks: list[Stack] = []

    def make() -> Stack:
        stacks.append(Stack(tmp_path_factory.mktemp("stack") / "checkout"))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.drop()


@pytest.fixture(scope="session")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return the running stack: its logs at DEBUG."""
    stack = new_stack()
    stack.edit("docker-compose.yml", "LOG_LEVEL: INFO", "LOG_LEVEL: DEBUG")
    stack.first_output = stack.make("up")
    return stack


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the folder of the checkout under test."""
    return Path(__file__).resolve().parent.parent
